import CFaultFileSystem
import Daybook
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

private enum SaleEvent: DomainEvent {
    case sold(amount: Int)
    static let typePrefix = "sale"
}

private enum Till: Decider {
    enum Command: Codable, Sendable { case sell(amount: Int) }
    enum Rejection: Error { case never }
    static let initialState = 0
    static func decide(_ command: Command, in state: Int) throws(Rejection) -> [SaleEvent] {
        switch command {
        case .sell(let amount): [.sold(amount: amount)]
        }
    }
    static func evolve(_ state: inout Int, with event: SaleEvent) {
        if case .sold(let amount) = event { state += amount }
    }
}

private enum BonusEvent: DomainEvent {
    case granted(points: Int)
    static let typePrefix = "bonus"
}

private enum Bonus: Decider {
    enum Command: Codable, Sendable { case grant(points: Int) }
    enum Rejection: Error { case tooMany }
    static let most = 9
    static let initialState = 0
    static func decide(_ command: Command, in state: Int) throws(Rejection) -> [BonusEvent] {
        switch command {
        case .grant(let points) where points > most: throw .tooMany
        case .grant(let points): [.granted(points: points)]
        }
    }
    static func evolve(_ state: inout Int, with event: BonusEvent) {
        if case .granted(let points) = event { state += points }
    }
}

/// Grants a bonus for each sale, which is refused for some of them: an event, a command and a deadline that is taken
/// back. For some sales a letter of thanks becomes due at once.
private enum Loyalty: ProcessManager {
    enum Event: DomainEvent {
        case counted
        case thanked
        case refused
        static let typePrefix = "loyalty"
    }
    struct State {
        var counted = 0
        var thanked = 0
        var refused = 0
    }
    static let category: DaybookCore.Category = "loyalty"
    static let initialState = State()
    static func processIDs(for input: SaleEvent, recorded: RecordedEvent) -> [String] {
        [recorded.stream.id.map { String($0) } ?? ""]
    }
    static func isThanked(_ amount: Int) -> Bool { amount % 5 == 0 }
    static func react(to input: SaleEvent, in state: State) -> [ProcessAction<Event, Bonus.Command>] {
        switch input {
        case .sold(let amount):
            [.record(.counted), .send(.grant(points: amount)), .setDeadline("reminder", after: .seconds(86_400))]
                + (isThanked(amount) ? [.setDeadline("thanks-\(amount)", after: .zero)] : [])
        }
    }
    static func react(toDeadline name: String, in state: State) -> [ProcessAction<Event, Bonus.Command>] {
        [.record(.thanked)]
    }
    static func react(
        toRejectionOf command: Bonus.Command, reason: String, in state: State
    ) -> [ProcessAction<Event, Bonus.Command>] { [.record(.refused)] }
    static func evolve(_ state: inout State, with event: Event) {
        switch event {
        case .counted: state.counted += 1
        case .thanked: state.thanked += 1
        case .refused: state.refused += 1
        }
    }
}

private struct Totals: Projection {
    struct Total: Codable, Equatable, Sendable {
        var amount = 0
        var sales = 0
    }
    let name: ReadModelName = "totals"
    func keys(for event: SaleEvent, recorded: RecordedEvent) -> [String] { ["all", recorded.stream.rawValue] }
    func apply(_ event: SaleEvent, recorded: RecordedEvent, key: String, to document: inout Total?) {
        guard case .sold(let amount) = event else { return }
        var total = document ?? Total()
        total.amount += amount
        total.sales += 1
        document = total
    }
}

/// An application on one file: commands, a projection, a process with commands of its own, and a consumer with an inbox.
private struct Shop {
    static let sales = 12
    static let refused = (1...sales).count { $0 > Bonus.most }
    static let thanked = (1...sales).count(where: Loyalty.isThanked)
    private static let policy = ConsumerPolicy(
        deliveries: 1000, backoff: .milliseconds(1), backoffCeiling: .milliseconds(2),
        pollInterval: .milliseconds(1))

    let store: SQLiteEventStore

    private var till: CommandHandler<Till> { CommandHandler(Till.self, in: store, category: "till") }
    private var bonus: CommandHandler<Bonus> { CommandHandler(Bonus.self, in: store, category: "bonus") }
    private var totals: ProjectionRunner<Totals> { ProjectionRunner(Totals(), of: store, in: store, batchSize: 3) }

    /// Does what is to be done and has not been done before.
    func work() async throws {
        let till = till
        for number in 1...Self.sales {
            try await till.handle(
                .sell(amount: number), id: "\(number % 3)", commandID: CommandID(unchecked: "sale-\(number)"))
            if number % 4 == 0 { _ = try await totals.catchUp() }
        }
        _ = try await totals.catchUp()
        let bonus = bonus
        let runner = ProcessRunner(
            Loyalty.self, of: store, in: store, batchSize: 5, policy: Self.policy, member: "sender"
        ) {
            command, id in
            try await bonus.handle(command, id: "1", commandID: id)
        }
        try await run(
            { try await runner.run() },
            until: {
                var (thanked, refused) = (0, 0)
                for id in 0..<3 {
                    let state = try await runner.state(of: "\(id)").state
                    thanked += state.thanked
                    refused += state.refused
                }
                let granted = try await self.bonus.state(of: "1").version?.rawValue ?? -1
                // More than there may be is found out afterwards; what was in hand when the power went off comes again.
                guard thanked >= Self.thanked, refused >= Self.refused, granted + 1 >= Self.sales - Self.refused else {
                    return false
                }
                return try await runner.commands.status().settled >= last("process.sent")
            })
        let group = ConsumerGroup("counter", of: store, SaleEvent.self, in: store, policy: Self.policy)
        let inbox = Inbox("count", model: "count", in: store)
        let counting = { @Sendable in
            try await group.run(as: "member") { delivery in
                try await inbox.once(delivery) { documents in
                    let count = try await documents.document("count")?.first ?? 0
                    try documents.set([count + 1], for: "count")
                }
            }
        }
        try await run(counting, until: { try await group.status().settled >= last("sale.sold") })
    }

    /// Where the last event of a type is.
    private func last(_ type: EventType) async throws -> Position {
        try await store.readPage(from: .end, direction: .backward, filter: EventFilter(types: [type]), limit: 1)
            .events.first?.position ?? .start
    }

    /// Runs something until a condition holds, or until it fails.
    private func run(
        _ operation: @escaping @Sendable () async throws -> Void,
        until isDone: @escaping @Sendable () async throws -> Bool
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await operation() }
            group.addTask { while try await !isDone() { try await Task.sleep(for: .milliseconds(1)) } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Everything in which the state of the file is not what must be when all is done, or at any time.
    func violations(whenDone isDone: Bool) async throws -> [String] {
        var violations: [String] = []
        var counts: [String: Int] = [:]
        var (folded, position): ([String: Totals.Total], Position) = ([:], try await totals.readModel.position())
        for try await event in store.events() {
            counts[event.type.rawValue, default: 0] += 1
            guard event.type == "sale.sold", event.position <= position else { continue }
            for case .sold(let amount) in try JSONEventCodec<SaleEvent>().decode(event) {
                for key in ["all", event.stream.rawValue] {
                    folded[key, default: Totals.Total()].amount += amount
                    folded[key]?.sales += 1
                }
            }
        }
        let documents = try await totals.readModel.documents()
        if Dictionary(documents, uniquingKeysWith: { $1 }) != folded {
            violations.append("the read model at \(position) is \(documents), not \(folded)")
        }
        let (sold, counted, sent, granted) = (
            counts["sale.sold"] ?? 0, counts["loyalty.counted"] ?? 0, counts["process.sent"] ?? 0,
            counts["bonus.granted"] ?? 0
        )
        let (refused, rejected) = (counts["loyalty.refused"] ?? 0, counts["process.rejected"] ?? 0)
        let (thanked, passed) = (counts["loyalty.thanked"] ?? 0, counts["process.deadlinePassed"] ?? 0)
        if counted != sent || counted > sold || granted + rejected > sent { violations.append("the log has \(counts)") }
        if refused != rejected || refused > Self.refused || thanked != passed || thanked > Self.thanked {
            violations.append("the log has \(counts)")
        }
        let inbox = Int(try await store.document("count", of: "count")?.first ?? 0)
        if inbox > sold { violations.append("the inbox has counted \(inbox) of \(sold) sales") }
        guard isDone else { return violations }
        if [sold, counted, sent, granted + refused, inbox].contains(where: { $0 != Self.sales })
            || refused != Self.refused || thanked != Self.thanked
        {
            violations.append("of \(Self.sales) sales there are \(counts), and \(inbox) in the inbox")
        }
        let points = try await bonus.state(of: "1").state
        if points != (1...Self.sales).filter({ $0 <= Bonus.most }).reduce(0, +) {
            violations.append("\(points) points were granted")
        }
        return violations
    }
}

/// Each storage call of an application is the last one once: the process dies there, or the power goes off.
@Suite("After a death at any storage call an application")
struct ModelPowerCutTests {
    @Test(
        "has each event in its read model once, and each effect of its processes and consumers once",
        arguments: [FaultCall.write, .sync])
    func exactlyOnce(_ call: FaultCall) async throws {
        var generator = SeededGenerator(seed: FaultSeed.value)
        // All calls with DAYBOOK_FAULT_STATES of 1 000 or more; otherwise a part of them, another one each time.
        let step = FaultSeed.states >= 1_000 ? 1 : 9
        var first = Int.random(in: 1...step, using: &generator)
        var deaths = 0
        while true {
            let directory = try TemporaryDirectory()
            let disk = try FaultyDisk()
            disk.breakCall(
                call, first: first, effect: .powerOff, length: Int.random(in: 0...4096, using: &generator))
            if let store = try? await SQLiteEventStore.open(
                directory.path("log.daybook"), configuration: .faulty(disk, indexEntriesInMemory: 40))
            {
                try? await Shop(store: store).work()
                await store.close()
            }
            let isOver = !disk.isOff
            disk.cutPower()
            let survivals: [FaultSurvival] = isOver ? [.all] : [.all, .none, .random]
            for survival in survivals {
                let survivors = try TemporaryDirectory()
                try disk.copySurviving(to: survivors.url, survival, seed: generator.next())
                let state = Comment(rawValue: "\(call) \(first), \(survival), seed \(FaultSeed.value)")
                let store = try await SQLiteEventStore.open(survivors.path("log.daybook"))
                let shop = Shop(store: store)
                #expect(try await shop.violations(whenDone: false).isEmpty, state)
                try await shop.work()
                #expect(try await shop.violations(whenDone: true).isEmpty, state)
                await store.close()
            }
            if isOver { break }
            deaths += 1
            first += step
        }
        #expect(deaths > 5, "The calls that were broken must have come.")
    }
}
