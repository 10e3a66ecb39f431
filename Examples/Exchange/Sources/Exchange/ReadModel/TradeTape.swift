import Daybook
import DaybookCore

/// Every trade, in the order in which it happened: a document a trade.
///
/// A key is the instrument and the version of the book, such as `AAPL/0000001234`, so that the trades of an instrument
/// after a moment are one page of documents.
public struct TradeTape: Projection {
    public struct Trade: Codable, Sendable, Hashable {
        public var time: Timestamp
        public var price: Price
        public var quantity: Quantity
        /// The side that waited; nil for an auction.
        public var restingSide: Side?
        /// Nil where the order that waited was hidden, or part of an auction.
        public var execution: ExecutionID?
        public var isHidden: Bool
    }

    public let name: ReadModelName = "trades"

    public init() {}

    public var filter: EventFilter {
        EventFilter(types: [
            "book.executed", "book.executionReported", "book.hiddenExecutionReported", "book.auctionReported",
            "book.openingReduced",
        ])
    }

    public static func key(_ instrument: Instrument, _ version: StreamVersion) -> String {
        let number = String(version.rawValue)
        return "\(instrument)/" + String(repeating: "0", count: max(0, 10 - number.utf8.count)) + number
    }

    public func keys(for event: OrderBook.Event, recorded: RecordedEvent) -> [String] {
        if case .openingReduced(_, let kind, _, _, _) = event, kind != .execution { return [] }
        return keys(forUnreadable: recorded) ?? []
    }

    public func keys(forUnreadable recorded: RecordedEvent) -> [String]? {
        recorded.stream.id.map { [Self.key(Instrument(rawValue: String($0)), recorded.version)] }
    }

    public func apply(
        _ event: OrderBook.Event, recorded: RecordedEvent, key: String, to document: inout Trade?
    ) throws {
        let time = try recorded.marketTime()
        switch event {
        case .executed(let execution, _, _, let side, let price, let quantity, _, _, _),
            .executionReported(let execution, _, let side, let price, let quantity):
            document = Trade(
                time: time, price: price, quantity: quantity, restingSide: side, execution: execution, isHidden: false)
        case .openingReduced(_, _, let side, let price, let quantity):
            document = Trade(time: time, price: price, quantity: quantity, restingSide: side, isHidden: false)
        case .hiddenExecutionReported(let side, let price, let quantity):
            document = Trade(time: time, price: price, quantity: quantity, restingSide: side, isHidden: true)
        case .auctionReported(let price, let quantity):
            document = Trade(time: time, price: price, quantity: quantity, isHidden: false)
        default: break
        }
    }
}
