import Daybook
import DaybookCore

/// A small market that is played by a script: cash is transferred, an order meets its owner's limit, one trade settles, one
/// is refused and reversed, and one meets silence, times out and is reversed.
public struct ScriptedMarket: Sendable {
    /// What the play tells, in order.
    public enum Line: Sendable, Hashable {
        /// What is about to be tried.
        case scene(String)
        /// What was not carried out, and why.
        case refused(String)
        /// What was recorded, and where.
        case event(time: Timestamp, what: String, reference: EventReference)
        case time(Duration)
    }

    public static let instrument: Instrument = "ALDER"
    /// 2026-01-05T09:30:00Z.
    public static let opening = Timestamp(microseconds: 1_767_605_400_000_000)

    public let house: ClearingHouse
    private let desk: OrderDesk
    private let transfers: BoundaryHandler<CashTransfer>
    private let store: any EventStore
    private let clock: MarketClock
    private let positionLimit: Quantity

    /// - Parameters:
    ///   - store: Reads the time from the clock, and has no events.
    ///   - positionLimit: What an owner may have and have on order of the instrument.
    ///   - recording: Whether the commands under that limit are recorded beside their events.
    public init(
        in store: any EventStore, models: any ReadModelStore, clock: MarketClock, positionLimit: Quantity = 100,
        recording: CommandRecording<PositionLimit.Command> = .none
    ) {
        // The custodian of Dora's shares does not answer.
        house = ClearingHouse(
            in: store, models: models, policy: ConsumerPolicy(pollInterval: .milliseconds(5)), time: clock.source
        ) { command in
            if case .deliver(_, "DORA", _, _) = command { true } else { false }
        }
        desk = OrderDesk(in: store, positionLimit: positionLimit, recording: recording)
        transfers = BoundaryHandler(CashTransfer.self, in: store)
        self.store = store
        self.clock = clock
        self.positionLimit = positionLimit
    }

    /// Plays the market to its end.
    ///
    /// - Parameter tell: Is called with each line when it has happened.
    public func play(telling tell: @escaping @Sendable (Line) throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await house.run() }
            group.addTask {
                var story = Story(store: store, tell: tell)
                try await self.openAccounts(&story)
                try await self.transferCash(&story)
                try await self.meetLimit(&story)
                try await self.settle(&story)
                try await self.refuse(&story)
                try await self.timeOut(&story)
                try await self.confirm()
            }
            // The play ends first, unless something fails: the house runs until it is told to stop.
            try await group.next()
            group.cancelAll()
        }
    }

    private func openAccounts(_ story: inout Story) async throws {
        try tell(&story, .scene("The book opens, with four accounts of three owners and one custodian"))
        try await CommandContext.with(actor: "exchange", reason: "opening") {
            try await desk.books.handle(
                .open(Opening(instrument: Self.instrument, session: "2026-01-05")), id: Self.instrument.rawValue)
            try await house.cash.handle(.deposit(.dollars(10_000)), id: "ANNA")
            for (account, quantity) in [("BEN", 60), ("CARL", 50), ("DORA", 80)] as [(String, Quantity)] {
                try await house.holdings.handle(.deposit(quantity, of: Self.instrument), id: account)
            }
        }
        try await story.tellNews()
    }

    private func transferCash(_ story: inout Story) async throws {
        try tell(&story, .scene("ANNA moves 4,000 dollars to her margin account, and then more than she has"))
        for (amount, id) in [(4_000, "transfer-1"), (7_000, "transfer-2")] as [(Int64, CommandID)] {
            try await attempt(&story) {
                try await transfers.handle(
                    CashTransfer.Command(.dollars(amount), from: "ANNA", to: "ANNA.margin"), commandID: id)
            }
        }
        try await story.tellNews()
    }

    private func meetLimit(_ story: inout Story) async throws {
        try tell(
            &story,
            .scene(
                "An owner may have and order \(positionLimit) shares over all accounts: ANNA orders 60, and 60 again"))
        clock.advance(by: .seconds(60))
        try await submit(1, .buy, at: 250_000, 60, on: "ANNA", &story)
        try await submit(2, .buy, at: 250_000, 60, on: "ANNA.margin", &story)
        try await story.tellNews()
    }

    private func settle(_ story: inout Story) async throws {
        try tell(&story, .scene("BEN sells 60 to her: delivery against payment, and the trade is settled"))
        clock.advance(by: .seconds(60))
        try await submit(3, .sell, at: 245_000, 60, on: "BEN", &story)
        try await story.tellNews(until: ["clearing.settled"])
    }

    private func refuse(_ story: inout Story) async throws {
        try tell(
            &story,
            .scene(
                "CARL offers 40, but a clerk takes his shares out of the hold: he cannot deliver, and ANNA is refunded")
        )
        clock.advance(by: .seconds(60))
        try await submit(4, .sell, at: 250_000, 40, on: "CARL", &story)
        _ = try await CommandContext.with(actor: "clerk", reason: "a mistake") {
            try await house.holdings.handle(.releaseAll(for: 4), id: "CARL")
        }
        try await submit(5, .buy, at: 250_000, 40, on: "ANNA.margin", &story)
        try await story.tellNews(until: ["clearing.reversed", "position.released"])
    }

    private func timeOut(_ story: inout Story) async throws {
        let execution = ExecutionID(instrument: Self.instrument, number: 3)
        try tell(&story, .scene("DORA sells 30, and the custodian of her shares does not answer"))
        clock.advance(by: .seconds(60))
        try await submit(6, .sell, at: 250_000, 30, on: "DORA", &story)
        try await submit(7, .buy, at: 250_000, 30, on: "ANNA.margin", &story)
        try await story.tellNews(until: ["clearing.carriedOut"])
        try tell(&story, .time(Clearing.patience))
        clock.advance(by: Clearing.patience)
        try await story.tellNews(until: ["clearing.reversed", "position.released"])
        try tell(&story, .scene("The custodian delivers after all: too late, and the shares go back"))
        clock.advance(by: .seconds(600))
        try await house.carryOutLate(of: execution) { if case .deliver = $0 { true } else { false } }
        try await story.tellNews(until: ["holdings.returned"])
    }

    /// Returns when all executions are confirmed.
    private func confirm() async throws {
        var last = Position.start
        for try await event in store.events(filter: EventFilter(types: ["book.executed"])) { last = event.position }
        while try await house.confirmations.group.status().settled < last {
            try await Task.sleep(for: .milliseconds(5))  // What members have settled is seen by looking.
        }
    }

    private func submit(
        _ order: OrderID, _ side: Side, at limit: Price, _ quantity: Quantity, on account: AccountID,
        _ story: inout Story
    ) async throws {
        try await attempt(&story) {
            try await desk.submit(
                NewOrder(id: order, side: side, limit: limit, quantity: quantity), on: account, of: Self.instrument)
        }
    }

    private func attempt<Receipt>(_ story: inout Story, _ operation: () async throws -> Receipt) async throws {
        do { _ = try await operation() } catch {
            guard let reason = (error as? any CommandRejection)?.rejectionReason else { throw error }
            try await story.tellNews()
            try story.tell(.refused(reason))
        }
    }

    private func tell(_ story: inout Story, _ line: Line) throws { try story.tell(line) }

    /// What was told so far, and what the log has beyond it.
    private struct Story {
        let store: any EventStore
        let tell: @Sendable (Line) throws -> Void
        var reached = Position.start

        /// Commands and deadlines of the processes are the runner's; the clearing's notes and recorded commands say what
        /// the accounts say.
        private static let isTold: @Sendable (RecordedEvent) -> Bool = { event in
            !event.type.rawValue.hasPrefix("process.") && event.type != "clearing.carriedOut"
                && event.stream != PositionLimit.records
        }

        /// Tells what was recorded since, until each of some types has been among it.
        mutating func tellNews(until types: Set<EventType> = []) async throws {
            var missing = types
            let head = try await store.head()
            for try await item in store.subscribe(after: reached) {
                switch item {
                case .event(let event):
                    reached = event.position
                    missing.remove(event.type)
                    if Self.isTold(event) {
                        try tell(
                            .event(
                                time: event.recordedAt, what: try OrderStory.words(for: event),
                                reference: EventReference(stream: event.stream, version: event.version)))
                    }
                case .checkpoint(let position), .caughtUp(let position): reached = max(reached, position)
                }
                if missing.isEmpty && reached >= head { return }
            }
        }
    }
}
