import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Clear: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plays a small market whose trades are cleared one by one: settled, refused, timed out.",
        discussion: """
            Each execution is cleared by a process of its own, with its own stream: the buyer's cash is asked to pay and \
            the seller's holdings to deliver, and then each side receives what the other gave. Three streams are never \
            changed by one append here: what holds them together is the process, which makes up for what one side has \
            done when the other refuses, or is silent until its deadline. Money and shares are never lost on the way.

            The play has four accounts, a transfer between two of them, a position limit over both, a trade that settles, \
            one that is refused and reversed, and one that times out and is reversed. It has a time of its own, so that \
            its deadline passes at once. Each line tells what was recorded, and where: 'cash-ANNA@3' is version 3 of that \
            stream. Afterwards, look at the same events with

              exchange audit 5 --store market.daybook                    an order whose trade was reversed
              exchange explain ANNA --store market.daybook               which events made its cash what it is
              daybook read market.daybook --stream 'clearing-ALDER#2'    the process, its commands and deadlines

            The store must be new: a market of 'exchange simulate' settles in rounds, and would be settled twice.
            """)

    @OptionGroup var store: StoreOptions

    @Flag(
        help: """
            Record the commands under the position limit beside their events, so that 'exchange rules' can decide them again.
            """)
    var recordCommands = false

    @Flag(help: "Print one JSON object a line: what happened, in order, and then the outcome.")
    var json = false

    func run() async throws {
        let clock = MarketClock(at: ScriptedMarket.opening)
        try await store.withStore(creates: true, time: clock.source) { store in
            let head = try await store.head()
            guard head == .start else {
                throw CommandFailure(
                    .refused,
                    "The store '\(self.store.address)' has events up to position \(head): the play needs a new one.")
            }
            let market = ScriptedMarket(
                in: store, models: store, clock: clock, recording: recordCommands ? .all : .none)
            let json = json
            try await market.play { line in
                if json { try StandardOutput.json(PlayLine(line)) } else { try Self.tell(line) }
            }
            try await report(market, store)
        }
    }

    private static func tell(_ line: ScriptedMarket.Line) throws {
        switch line {
        case .scene(let text): try StandardOutput.line("\n\(text).")
        case .refused(let reason): try StandardOutput.line("            refused: \(reason)")
        case .event(let time, let what, let reference):
            try StandardOutput.line("  \(String("\(time)".dropFirst(11).prefix(8)))  \(what)  [\(reference)]")
        case .time(let duration):
            try StandardOutput.line("            \(duration.components.seconds) seconds pass without an answer")
        }
    }

    private func report(_ market: ScriptedMarket, _ store: any MarketStore) async throws {
        let models = try await MarketReadModels(of: store, in: store)
        try await models.catchUp()
        let accounts = try await models.accounts()
        let confirmations = try await market.house.confirmations.confirmations()
        var ledger = TransitLedger()
        let (cash, holdings) = (CashAccount.Event.makeReader(), Holdings.Event.makeReader())
        for try await event in store.events(filter: EventFilter(categories: [CashAccount.category])) {
            for event in try cash.decode(event) { ledger.apply(event) }
        }
        for try await event in store.events(filter: EventFilter(categories: [Holdings.category])) {
            for event in try holdings.decode(event) { ledger.apply(event) }
        }
        guard ledger.isBalanced, ledger.transits.isEmpty else {
            throw CommandFailure(
                .damageFound, "Cash or shares got lost or came into being: \(ledger). Run 'daybook verify'.")
        }
        if json {
            try StandardOutput.json(ClearDocument(accounts: accounts, confirmations: confirmations))
            return
        }
        try StandardOutput.line("\nConfirmations, one for each side of each execution")
        try StandardOutput.write(Tables.confirmations(confirmations))
        try StandardOutput.line("\nAccounts")
        try StandardOutput.write(Tables.accounts(accounts))
        let shares = ledger.shares.values.reduce(0, +)
        try StandardOutput.line(
            "\nAll \(ledger.deposited) dollars and \(shares) shares are there, and nothing is between two sides.")
    }
}

/// What was told, for programs.
private struct PlayLine: Encodable {
    var kind: String
    var text: String
    var time: String?
    var event: String?

    init(_ line: ScriptedMarket.Line) {
        switch line {
        case .scene(let text): (kind, self.text) = ("scene", text)
        case .refused(let reason): (kind, text) = ("refused", reason)
        case .event(let time, let what, let reference):
            (kind, text) = ("event", what)
            self.time = time.description
            event = reference.description
        case .time(let duration): (kind, text) = ("time", "\(duration.components.seconds) seconds")
        }
    }
}

private struct ClearDocument: Encodable {
    var kind = "outcome"
    var accounts: [AccountStatement]
    var confirmations: [Confirmation]
}
