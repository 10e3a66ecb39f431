import Daybook
import DaybookCore
import Foundation

/// Writes the best bid and ask after each message of a LOBSTER session, from the log alone.
///
/// The format is `seq,bid_price,bid_size,ask_price,ask_size` with this header; `seq` is the number of the message's
/// line, prices are in ten-thousandths of a dollar, and an empty side has empty fields.
public struct QuoteExport: Sendable {
    public static let header = "seq,bid_price,bid_size,ask_price,ask_size\n"

    private let store: any EventStore

    public init(from store: any EventStore) { self.store = store }

    /// Writes a file, which replaces an earlier one when it is complete.
    ///
    /// - Returns: The number of rows, without the header.
    public func write(_ instrument: Instrument, _ session: Session, to path: String) async throws -> Int {
        let partial = path + ".partial"
        guard FileManager.default.createFile(atPath: partial, contents: nil),
            let file = FileHandle(forWritingAtPath: partial)
        else { throw FileProblem.unwritable(path: path, reason: "the file cannot be created there") }
        do {
            var text = Array(Self.header.utf8)
            let rows = try await forEachQuote(of: instrument, in: session) { line, quote in
                Self.append(line, quote, to: &text)
                if text.count > 1 << 16 {
                    try file.write(contentsOf: text)
                    text.removeAll(keepingCapacity: true)
                }
            }
            try file.write(contentsOf: text)
            try file.close()
            guard rename(partial, path) == 0 else {
                throw FileProblem.unwritable(path: path, reason: String(cString: strerror(errno)))
            }
            return rows
        } catch {
            try? file.close()
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
    }

    /// Folds a session, and tells the quote after each of its messages.
    public func forEachQuote(
        of instrument: Instrument, in session: Session, _ body: (_ line: Int, Quote) throws -> Void
    ) async throws -> Int {
        let codec = JSONEventCodec<OrderBook.Event>()
        var book = OrderBook.initialState
        var rows = 0
        for try await event in store.events(of: instrument.bookStream, pageSize: 2_000) {
            for event in try codec.decode(event) { OrderBook.evolve(&book, with: event) }
            guard let cause = try EventMetadata(decoding: event.metadata).causationID,
                let reference = LobsterReference(cause), reference.session == session, reference.line > 0
            else { continue }
            try body(reference.line, book.quote)
            rows += 1
        }
        return rows
    }

    private static func append(_ line: Int, _ quote: Quote, to text: inout [UInt8]) {
        text.append(contentsOf: String(line).utf8)
        for level in [quote.bid, quote.ask] {
            text.append(UInt8(ascii: ","))
            if let level { text.append(contentsOf: String(level.price.rawValue).utf8) }
            text.append(UInt8(ascii: ","))
            if let level { text.append(contentsOf: String(level.quantity).utf8) }
        }
        text.append(UInt8(ascii: "\n"))
    }
}
