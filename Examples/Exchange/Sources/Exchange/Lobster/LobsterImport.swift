import Daybook
import DaybookCore

/// Records a file of LOBSTER messages as the reports of a venue: each message a command, and each command one event.
///
/// An import may be interrupted at any moment and run again: each event names the line that it was recorded for, and
/// the last one in the book's stream tells where to go on. So it is the log that knows, and a line is never recorded
/// twice, whatever the size of a batch.
public struct LobsterImport: Sendable {
    public struct Configuration: Sendable, Hashable {
        public var instrument: Instrument
        public var session: Session
        /// What the venue's clock is ahead of UTC.
        public var utcOffset: Duration = .zero
        /// Whether a bad line is reported and passed over; it ends the import otherwise.
        public var skipsBadLines = false
        /// How many messages one append records.
        public var messagesPerAppend = 250
        /// On whose behalf the messages are recorded.
        public var actor = "LOBSTER"

        public init(instrument: Instrument, session: Session) {
            self.instrument = instrument
            self.session = session
        }
    }

    /// What an import came to.
    public struct Summary: Sendable, Hashable, Codable {
        /// The lines of the file.
        public var lines = 0
        /// The messages recorded by this run.
        public var recorded = 0
        /// The lines that an earlier run dealt with.
        public var recordedBefore = 0
        public var badLines = 0
        /// Of the messages recorded, those about orders that no message introduced.
        public var takenFromOpening = 0
        public var ofUnknownOrders = 0

        public init() {}
    }

    /// A line that was passed over, and why.
    public struct BadLine: Sendable, Hashable {
        public var line: Int
        public var reason: String
    }

    private let configuration: Configuration
    private let store: any EventStore
    private let books: CommandHandler<OrderBook>

    public init(_ configuration: Configuration, into store: any EventStore) {
        self.configuration = configuration
        self.store = store
        books = CommandHandler(OrderBook.self, in: store, category: OrderBook.category)
    }

    /// Records the messages that are not recorded yet.
    ///
    /// - Parameters:
    ///   - messages: The path of the message file, plain or `.gz`.
    ///   - seedBook: The path of an order book file, plain or `.gz`, whose first row is the book after the first
    ///     message.
    ///   - onBadLine: Told of every line that is passed over.
    ///   - onProgress: Told after every append.
    public func run(
        messages: String, seedBook: String, onBadLine: (BadLine) -> Void = { _ in },
        onProgress: (Summary) -> Void = { _ in }
    ) async throws -> Summary {
        let instrument = configuration.instrument
        var file = try LineFile(path: messages)
        var summary = Summary()
        let resumed = try await resumption()
        var book = try await books.state(of: instrument.rawValue).state
        var pending = Pending(from: (resumed ?? -1) + 1)
        var previousTime: Int64 = 0

        func bad(_ reason: String) throws(LobsterImportError) {
            summary.badLines += 1
            guard configuration.skipsBadLines else {
                throw .badLine(path: messages, line: file.lineNumber, reason: reason)
            }
            onBadLine(BadLine(line: file.lineNumber, reason: reason))
        }

        while let line = try file.next() {
            let number = file.lineNumber
            summary.lines = number
            if let resumed, number <= resumed {
                summary.recordedBefore += 1
                continue
            }
            let message: LobsterMessage?
            do { message = try LobsterMessage(line: line) } catch {
                message = nil
                try bad(error.description)
            }
            if number == 1 && resumed == nil {
                let opening = try opening(seedBook, before: message?.report)
                try Self.apply(.open(opening), to: &book)
                pending.add(.open(opening), context(line: 0, of: messages, at: message?.time ?? 0, about: nil))
            }
            guard let message else { continue }
            guard message.time >= previousTime else {
                try bad("its time is before that of the line above")
                continue
            }
            previousTime = message.time
            do throws(OrderBook.Rejection) {
                switch try Self.apply(.report(message.report), to: &book) {
                case .openingReduced: summary.takenFromOpening += 1
                case .unknownOrderReported: summary.ofUnknownOrders += 1
                default: break
                }
            } catch {
                try bad(error.description)
                continue
            }
            pending.add(
                .report(message.report),
                context(line: number, of: messages, at: message.time, about: message.report.order))
            if pending.commands.count >= configuration.messagesPerAppend {
                try await record(&pending, through: number, summary: &summary)
                onProgress(summary)
            }
        }
        try await record(&pending, through: summary.lines, summary: &summary)
        onProgress(summary)
        return summary
    }

    /// The commands that wait for their append.
    private struct Pending {
        var firstLine: Int
        var commands: [(command: OrderBook.Command, context: CommandContext)] = []

        init(from line: Int) { firstLine = line }

        mutating func add(_ command: OrderBook.Command, _ context: CommandContext) {
            commands.append((command, context))
        }
    }

    private func record(_ pending: inout Pending, through line: Int, summary: inout Summary) async throws {
        guard !pending.commands.isEmpty else { return }
        // The lines and the number of messages: another choice of bad lines to skip is another command.
        let id = try CommandID(
            "lobster:\(configuration.instrument):\(configuration.session):\(pending.firstLine)-\(line):"
                + "\(pending.commands.count)")
        try await books.handle(pending.commands, id: configuration.instrument.rawValue, commandID: id)
        summary.recorded += pending.commands.count - (pending.firstLine == 0 ? 1 : 0)
        pending = Pending(from: line + 1)
    }

    @discardableResult
    private static func apply(
        _ command: OrderBook.Command, to book: inout OrderBook.State
    ) throws(OrderBook.Rejection) -> OrderBook.Event? {
        let events = try OrderBook.decide(command, in: book)
        for event in events { OrderBook.evolve(&book, with: event) }
        return events.first
    }

    /// The last line of this trading session that is recorded; nil when the session is not open yet.
    private func resumption() async throws -> Int? {
        let page = try await store.readPage(
            of: configuration.instrument.bookStream, from: .end, direction: .backward, limit: 1)
        guard let last = page.events.last else { return nil }
        let metadata = try EventMetadata(decoding: last.metadata)
        guard let reference = metadata.causationID.flatMap({ LobsterReference($0) }) else {
            throw LobsterImportError.otherSource(instrument: configuration.instrument)
        }
        guard reference.session <= configuration.session else {
            throw LobsterImportError.laterSession(reference.session, asked: configuration.session)
        }
        return reference.session == configuration.session ? reference.line : nil
    }

    private func opening(_ path: String, before report: VenueReport?) throws -> Opening {
        var file = try LineFile(path: path)
        guard let row = try file.next() else { throw LobsterImportError.emptySeedBook(path: path) }
        do throws(InvalidLobsterLine) {
            // Without a first message, the row is the book as it opened.
            return try LobsterBook(line: row).undoing(
                report ?? .halted, instrument: configuration.instrument, session: configuration.session)
        } catch {
            throw LobsterImportError.badLine(path: path, line: 1, reason: error.description)
        }
    }

    private func context(line: Int, of path: String, at time: Int64, about order: OrderID?) -> CommandContext {
        let reference = LobsterReference(
            instrument: configuration.instrument, session: configuration.session, line: line)
        let midnight = Timestamp(configuration.session.rawValue) ?? Timestamp(microseconds: 0)
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return CommandContext(
            correlationID: order.map { "order-\($0)" } ?? "session-\(configuration.session)",
            causationID: reference.description, actor: configuration.actor,
            reason: line == 0 ? "the session opens" : "line \(line) of \(name)",
            occurredAt: midnight.advanced(by: .nanoseconds(time) - configuration.utcOffset))
    }
}

extension VenueReport {
    /// The order that the report names.
    var order: OrderID? {
        switch self {
        case .submitted(let order, _, _, _), .reduced(let order, _, _, _), .deleted(let order, _, _, _),
            .executed(let order, _, _, _):
            order
        case .hiddenExecuted, .auctioned, .halted, .quotingResumed, .resumed: nil
        }
    }
}
