import ArgumentParser
import DaybookCore
import Exchange

struct Book: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the order book of an instrument, now or at any past moment.",
        discussion: """
            A moment is one of
              latest                     the end of the log (the default)
              2012-06-21T09:45:00Z       a time of the market: after the last event that happened by then
              v1234 or version:1234      after the event of this version of the book's stream, from 0
              p5000 or position:5000     after the event at this position of the whole log

            The time is that of the market, as each event states it. For an imported day it is the venue's time, and not \
            the time at which the import recorded the event; see --utc-offset of 'exchange import'.

            A '+' behind a number of orders: there are shares at this price that stood there when the book opened, of \
            orders without a name.
            """)

    @Argument(help: "The instrument's symbol, such as AAPL.")
    var instrument: String

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("The moment to go back to.", valueName: "moment"))
    var asOf = "latest"

    @Option(help: "How many price levels of each side to show.")
    var levels = 10

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard Instrument(instrument) != nil else {
            throw ValidationError("'\(instrument)' is no symbol: give 1 to 16 letters, digits, dots or underscores.")
        }
        guard MarketMoment(asOf) != nil else {
            throw ValidationError(
                "'\(asOf)' is no moment: give a time such as 2012-06-21T09:45:00Z, a version such as v1234, or a "
                    + "position such as p5000.")
        }
        guard levels > 0 else { throw ValidationError("--levels is \(levels): ask for at least 1.") }
    }

    func run() async throws {
        guard let instrument = Instrument(instrument), let moment = MarketMoment(asOf) else { return }
        try await store.withStore(creates: false) { store in
            let history = BookHistory(in: store)
            guard let entry = try await history.book(of: instrument, asOf: moment) else {
                let others = try await history.instruments().map(\.rawValue).joined(separator: ", ")
                throw CommandFailure(
                    .nothingFound,
                    "The book of \(instrument) has no event as of \(asOf). Books in this store: "
                        + "\(others.isEmpty ? "none" : others).")
            }
            if json {
                try StandardOutput.json(BookDocument(instrument, entry, levels: levels))
            } else {
                try StandardOutput.write(Tables.book(entry, of: instrument, levels: levels))
            }
        }
    }
}

/// A book as a program reads it. Prices are in ten-thousandths of a dollar.
private struct BookDocument: Encodable {
    var instrument: Instrument
    var session: Session?
    var version: StreamVersion
    var position: Position
    var time: String
    var recordedAt: String
    var halted: Bool
    var orders: Int
    var bids: [DepthLevel]
    var asks: [DepthLevel]

    init(_ instrument: Instrument, _ entry: BookHistory.Entry, levels: Int) {
        self.instrument = instrument
        session = entry.book.session
        version = entry.version
        position = entry.position
        time = entry.marketTime.description
        recordedAt = entry.recordedAt.description
        halted = entry.book.isHalted
        orders = entry.book.orderCount
        bids = entry.book.depth(.buy, levels: levels)
        asks = entry.book.depth(.sell, levels: levels)
    }
}
