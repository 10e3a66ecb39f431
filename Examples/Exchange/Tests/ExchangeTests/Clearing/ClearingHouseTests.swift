import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Testing

@Suite("The clearing house")
struct ClearingHouseTests {
    private static let policy = ConsumerPolicy(
        deliveries: 1_000, backoff: .milliseconds(1), backoffCeiling: .milliseconds(5),
        pollInterval: .milliseconds(2))
    private static let accounts: [AccountID] = ["A", "A.margin", "B", "C"]

    /// Everything that the log says about trades.
    private struct Outcome {
        var ledger = TransitLedger()
        var trades: [ExecutionID: ClearingTrade] = [:]
        var ends: [ExecutionID: [ClearingEvent]] = [:]
        /// How often each account did each step for an execution.
        var steps: [String: Int] = [:]
        var lastRelease: Position = .start
        var lastExecution: Position = .start

        /// Folds the log, and checks after each event that nothing came into being or got lost.
        init(of store: any EventStore, _ note: String) async throws {
            let book = OrderBook.Event.makeReader()
            let cash = CashAccount.Event.makeReader()
            let holdings = Holdings.Event.makeReader()
            let clearing = ClearingEvent.makeReader()
            var available: [StreamName: CashAccount.State] = [:]
            for try await recorded in store.events() {
                switch recorded.stream.category {
                case OrderBook.category:
                    for event in try book.decode(recorded) {
                        if let trade = ClearingTrade(event) {
                            trades[trade.execution] = trade
                            lastExecution = recorded.position
                        }
                        switch event {
                        case .expired, .deleted, .reduced: lastRelease = recorded.position
                        default: break
                        }
                    }
                case CashAccount.category:
                    for event in try cash.decode(recorded) {
                        ledger.apply(event)
                        CashAccount.evolve(&available[recorded.stream, default: CashAccount.State()], with: event)
                        #expect(available[recorded.stream]?.available ?? 0 >= .zero, "\(note)")
                        switch event {
                        case .paid(_, _, _, let execution), .received(_, _, let execution),
                            .refunded(_, _, let execution):
                            steps["\(recorded.type) \(execution)", default: 0] += 1
                        default: break
                        }
                    }
                case Holdings.category:
                    for event in try holdings.decode(recorded) {
                        ledger.apply(event)
                        switch event {
                        case .delivered(_, _, _, let execution), .received(_, _, _, let execution),
                            .returned(_, _, _, let execution):
                            steps["\(recorded.type) \(execution)", default: 0] += 1
                        default: break
                        }
                    }
                case Clearing.category where recorded.type.rawValue.hasPrefix("clearing."):
                    for event in try clearing.decode(recorded) {
                        switch event {
                        case .settled(let execution, _, _), .reversed(let execution, _, _, _):
                            ends[execution, default: []].append(event)
                        default: break
                        }
                    }
                default: break
                }
                #expect(ledger.isBalanced, "\(note), position \(recorded.position)")
                for (execution, transit) in ledger.transits {
                    let trade = try #require(trades[execution])
                    #expect(transit.cash == .zero || transit.cash == trade.amount, "\(note), \(execution)")
                    #expect(transit.shares == 0 || transit.shares == trade.quantity, "\(note), \(execution)")
                }
            }
        }

        func did(_ type: EventType, _ execution: ExecutionID) -> Bool { steps["\(type) \(execution)"] != nil }
    }

    private func open(_ desk: OrderDesk, _ house: ClearingHouse) async throws {
        try await desk.books.handle(.open(Opening(instrument: "X", session: "2026-01-05")), id: "X")
        for account in Self.accounts {
            try await house.cash.handle(.deposit(.dollars(500)), id: account.rawValue)
            try await house.holdings.handle(.deposit(150, of: "X"), id: account.rawValue)
        }
    }

    /// Orders that cross each other; now and then somebody takes away what an order holds before it trades.
    private func trade(_ desk: OrderDesk, _ house: ClearingHouse, orders: Int, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        for number in 1...orders {
            let id = OrderID(Int64(number))
            let side: Side = Bool.random(using: &random) ? .buy : .sell
            let order = NewOrder(
                id: id, side: side, limit: Price(Int64.random(in: 9_900...10_100, using: &random)),
                quantity: Quantity(Int64.random(in: 1...40, using: &random)),
                timeInForce: random.oneIn(4) ? .immediate : .day)
            let account = random.pick(Self.accounts)
            do { try await desk.submit(order, on: account, of: "X") } catch {
                guard (error as? any CommandRejection)?.rejectionReason != nil else { throw error }
            }
            guard let resting = try await desk.books.state(of: "X").state.order(id) else { continue }
            if random.oneIn(5) {
                if side == .buy {
                    try await house.cash.handle(.releaseAll(for: id), id: account.rawValue)
                } else {
                    try await house.holdings.handle(.releaseAll(for: id), id: account.rawValue)
                }
            } else if random.oneIn(6) {
                try await desk.books.handle(resting.remaining > 1 ? .reduce(id, by: 1) : .delete(id), id: "X")
            }
        }
    }

    /// Whether a command of the first attempts meets silence: the same one each time it is asked.
    @Sendable private static func isSilent(_ command: ClearingCommand, seed: UInt64) -> Bool {
        switch command {
        case .pay(_, _, _, _, let execution), .deliver(_, _, _, let execution):
            let number = UInt64(execution.rawValue.drop { $0 != "#" }.dropFirst()) ?? 0
            var random = SplitMix64(seed: seed &* 1_000 &+ number)
            if case .pay = command { return random.oneIn(8) }
            _ = random.oneIn(8)
            return random.oneIn(8)
        default: return false
        }
    }

    @Test(
        "has each effect once and conserves money and shares in every state, whatever fails and whoever is silent",
        arguments: TestStore.all, seeds(3))
    func conserves(_ make: TestStore, seed: UInt64) async throws {
        let note = "seed \(seed)"
        let time = DrivenTime()
        let store = try await make(time: time.source)
        let plain = ClearingHouse(in: store, models: store, policy: Self.policy, time: time.source)
        let desk = OrderDesk(in: store, positionLimit: 350)
        try await open(desk, plain)
        let faulty = FaultyStore(store, seed: seed, faults: 60)
        let work = Task {
            // Each fault is a crash: a clearing house with nothing in memory goes on.
            while !Task.isCancelled {
                let house = ClearingHouse(
                    in: faulty, models: faulty, policy: Self.policy, member: "house", time: time.source,
                    isSilent: { Self.isSilent($0, seed: seed) })
                try? await house.run()
            }
        }
        defer { work.cancel() }
        try await trade(desk, plain, orders: 60, seed: seed)
        let trades = try await Outcome(of: store, note).trades
        #expect(trades.count > 10, "\(note)")

        // Those who answer end without a deadline passing; the others at it.
        let silent = trades.values.filter { trade in
            let execution = trade.execution
            let commands: [ClearingCommand] = [
                .pay(amount: 0, saved: 0, account: "", order: 0, execution: execution),
                .deliver(quantity: 0, account: "", order: 0, execution: execution),
            ]
            return commands.contains { Self.isSilent($0, seed: seed) }
        }.map(\.execution)
        try await eventually("all who answer end") {
            try await Outcome(of: store, note).ends.keys.filter { !silent.contains($0) }.count
                == trades.count - silent.count
        }
        time.advance(by: .seconds(3_600))
        try await eventually("all end") { try await Outcome(of: store, note).ends.count == trades.count }

        for execution in silent {
            for isPayment in [true, false] {
                do {
                    try await plain.carryOutLate(of: execution) { command in
                        if case .pay = command {
                            isPayment && Self.isSilent(command, seed: seed)
                        } else if case .deliver = command {
                            !isPayment && Self.isSilent(command, seed: seed)
                        } else {
                            false
                        }
                    }
                } catch {
                    guard (error as? any CommandRejection)?.rejectionReason != nil else { throw error }
                }
            }
        }
        try await eventually("nothing is between two sides") {
            try await Outcome(of: store, note).ledger.transits.isEmpty
        }
        let end = try await Outcome(of: store, note)
        try await eventually("what ended orders held is given back, and all is confirmed") {
            let released = try await plain.releases.group.status().checkpoint
            let confirmed = try await plain.confirmations.group.status().settled
            return released >= end.lastRelease && confirmed >= end.lastExecution
        }
        work.cancel()
        await work.value
        try await check(try await Outcome(of: store, note), plain, desk, store, note)
    }

    private func check(
        _ outcome: Outcome, _ house: ClearingHouse, _ desk: OrderDesk, _ store: any EventStore, _ note: String
    ) async throws {
        #expect(outcome.ends.values.allSatisfy { $0.count == 1 }, "\(note)")
        #expect(outcome.steps.values.allSatisfy { $0 == 1 }, "\(note): \(outcome.steps)")
        for (execution, ends) in outcome.ends {
            if case .settled = ends.first {
                for type: EventType in ["cash.paid", "cash.received", "holdings.delivered", "holdings.received"] {
                    #expect(outcome.did(type, execution), "\(note), \(execution)")
                }
            } else {
                #expect(!outcome.did("cash.received", execution), "\(note), \(execution)")
                #expect(!outcome.did("holdings.received", execution), "\(note), \(execution)")
                #expect(
                    outcome.did("cash.paid", execution) == outcome.did("cash.refunded", execution),
                    "\(note), \(execution)")
                #expect(
                    outcome.did("holdings.delivered", execution) == outcome.did("holdings.returned", execution),
                    "\(note), \(execution)")
            }
        }
        // Both sides of each execution, numbered from 1 without gaps.
        var sides = 0
        for account in Self.accounts {
            let confirmations = try await house.confirmations.confirmations(of: account)
            sides += confirmations.count
            #expect(confirmations.map(\.number) == Array(1..<confirmations.count + 1), "\(note)")
        }
        #expect(sides == 2 * outcome.trades.count, "\(note)")
        // What is reserved under the limits is what rests in the book.
        let book = try await desk.books.state(of: "X").state
        for owner: OwnerID in ["A", "B", "C"] {
            var state = PositionLimit.State()
            let reader = PositionLimit.Event.makeReader()
            for try await recorded in store.events(filter: EventFilter(tags: [Tag(unchecked: "owner:\(owner)")])) {
                for event in try reader.decode(recorded) {
                    PositionLimit.evolve(&state, with: event, of: recorded.stream)
                }
            }
            for (order, reservation) in state.reservations {
                #expect(book.order(order)?.remaining == reservation.quantity, "\(note), order \(order)")
            }
        }
    }

    @Test("settles, refuses and times out by itself", arguments: TestStore.all)
    func ends(_ make: TestStore) async throws {
        let time = DrivenTime()
        let store = try await make(time: time.source)
        let house = ClearingHouse(in: store, models: store, policy: Self.policy, time: time.source) { command in
            if case .deliver(_, "C", _, _) = command { true } else { false }
        }
        let desk = OrderDesk(in: store)
        try await open(desk, house)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await house.run() }
            try await desk.submit(NewOrder(id: 1, side: .sell, limit: 10_000, quantity: 10), on: "B", of: "X")
            try await desk.submit(NewOrder(id: 2, side: .buy, limit: 10_100, quantity: 10), on: "A", of: "X")
            try await eventually("it settles") { try await house.process.state(of: "X#1").state.end == .settled }
            try await desk.submit(NewOrder(id: 3, side: .sell, limit: 10_000, quantity: 10), on: "C", of: "X")
            try await desk.submit(NewOrder(id: 4, side: .buy, limit: 10_000, quantity: 10), on: "A", of: "X")
            try await eventually("it is paid") {
                try await house.process.state(of: "X#2").state.done == [.payment]
            }
            #expect(try await house.cash.state(of: "A").state.total == .dollars(480))
            time.advance(by: Clearing.patience)
            try await eventually("it is reversed") { try await house.process.state(of: "X#2").state.end == .reversed }
            #expect(
                try await house.process.state(of: "X#2").state.failure == "C has not delivered within 120 seconds")
            #expect(try await house.cash.state(of: "A").state.total == .dollars(490))
            group.cancelAll()
        }
        #expect(try await house.process.deadlines(of: "X#2").isEmpty)
    }

    @Test("is not given orders for bonds, whose interest it does not settle")
    func bonds() async throws {
        let store = InMemoryEventStore()
        let desk = OrderDesk(in: store)
        let opening = Opening(
            instrument: MapleBond.symbol, session: "2026-01-05", kind: .bond(terms: MapleBond.terms))
        try await desk.books.handle(.open(opening), id: MapleBond.symbol.rawValue)
        let head = try await store.head()
        let error = await #expect(throws: OrderDesk.NotCleared.self) {
            try await desk.submit(
                NewOrder(id: 1, side: .buy, limit: 9_852_100, quantity: 1), on: "A", of: MapleBond.symbol)
        }
        #expect(error?.instrument == MapleBond.symbol)
        #expect(try await store.head() == head)
    }

    @Test("and the desk give back what an order set aside that is refused, and refuse its number from then on")
    func refusedOrders() async throws {
        let store = InMemoryEventStore()
        let house = ClearingHouse(in: store, models: store)
        let desk = OrderDesk(in: store, positionLimit: 200)
        try await open(desk, house)
        let tooDear = NewOrder(id: 1, side: .buy, limit: 1_000_000, quantity: 50)
        await #expect(throws: CommandError<CashAccount.Rejection>.self) {
            try await desk.submit(tooDear, on: "B", of: "X")
        }
        await #expect(throws: OrderDesk.RefusedBefore(order: 1)) { try await desk.submit(tooDear, on: "B", of: "X") }
        // The reservation is gone: 150 shares are held, and 50 may be ordered.
        try await desk.submit(NewOrder(id: 2, side: .buy, limit: 100, quantity: 50), on: "B", of: "X")
        await #expect(throws: BoundaryError<PositionLimit.Rejection>.self) {
            try await desk.submit(NewOrder(id: 3, side: .buy, limit: 100, quantity: 1), on: "B", of: "X")
        }
        try await desk.books.handle(.halt, id: "X")
        await #expect(throws: CommandError<OrderBook.Rejection>.self) {
            try await desk.submit(NewOrder(id: 4, side: .sell, limit: 100, quantity: 1), on: "B", of: "X")
        }
        #expect(try await house.holdings.state(of: "B").state.holds.isEmpty)
        await #expect(throws: OrderBook.Rejection.self) {
            try await desk.submit(NewOrder(id: 5, side: .buy, limit: 9_999_999_998, quantity: .max), on: "B", of: "X")
        }
    }
}
