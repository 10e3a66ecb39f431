import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

private enum BulkEvent: DomainEvent, Equatable {
    case made(Int)
    static let typePrefix = "bulk"
}

/// Makes as many events as it is asked for.
private enum Bulk: Decider {
    enum Rejection: Error, Equatable { case never }
    static let initialState = 0
    static func decide(_ count: Int, in state: Int) throws(Rejection) -> [BulkEvent] { (0..<count).map { .made($0) } }
    static func evolve(_ state: inout Int, with event: BulkEvent) { state += 1 }
}

/// The same, over a tag.
private enum TaggedBulk: BoundaryDecider {
    static func boundary(of count: Int) -> EventQuery { EventQuery(tags: ["bulk:1"]) }
    static func initialState(for count: Int) -> Int { 0 }
    static func decide(_ count: Int, in state: Int) throws(Bulk.Rejection) -> [PlacedEvent] {
        (0..<count).map { PlacedEvent(BulkEvent.made($0), in: "bulk-1", tags: ["bulk:1"]) }
    }
    static func evolve(_ state: inout Int, with event: BulkEvent, of stream: StreamName) { state += 1 }
}

/// Notes as many things as a sale's name says when it is placed, and orders as many when it is paid.
private enum BulkProcess: ProcessManager {
    enum Event: DomainEvent {
        case noted
        static let typePrefix = "bulkProcess"
    }
    static let category: DaybookCore.Category = "bulkProcess"
    static let initialState = 0
    static func processIDs(for input: SaleEvent, recorded: RecordedEvent) -> [String] { [input.sale] }
    static func react(to input: SaleEvent, in state: Int) -> [ProcessAction<Event, Int>] {
        let count = Int(input.sale) ?? 0
        return if case .placed = input { Array(repeating: .record(.noted), count: count) } else { [.send(count)] }
    }
    static func react(toRejectionOf command: Int, reason: String, in state: Int) -> [ProcessAction<Event, Int>] { [] }
    static func evolve(_ state: inout Int, with event: Event) { state += 1 }
}

@Suite("A decision of no events, or of more than an append takes")
struct DecisionSizeTests {
    private static func tooMany(_ count: Int) -> AppendError { .invalid(.tooManyEvents(count)) }

    @Test("is nothing, or refused as a whole, by a command handler", arguments: TestStore.all)
    func commands(_ make: TestStore) async throws {
        let store = try await make.make()
        let handler = CommandHandler(Bulk.self, in: store, category: "bulk")
        let nothing = try await handler.handle(0, id: "1")
        #expect(nothing.events.isEmpty && nothing.version == nil && !nothing.isRepeat)
        #expect(try await !handler.handle(0, id: "1", commandID: "none").isRepeat)
        let repeated = try await handler.handle(7, id: "1", commandID: "none")
        #expect(repeated.isRepeat && repeated.events.isEmpty)
        for commandID: CommandID? in [nil, "many"] {
            let error = await #expect(throws: CommandError<Bulk.Rejection>.append(Self.tooMany(20_000))) {
                try await handler.handle(20_000, id: "1", commandID: commandID)
            }
            #expect(error?.mayBeRecorded == false && error?.rejectionReason == nil)
        }
        await #expect(throws: CommandError<Bulk.Rejection>.append(Self.tooMany(20_000))) {
            try await handler.handle([5_000, 0, 15_000], id: "1")
        }
        let recording = CommandHandler(Bulk.self, in: store, category: "bulk", recording: .all)
        await #expect(throws: CommandError<Bulk.Rejection>.append(Self.tooMany(Limits.eventsPerAppend + 1))) {
            try await recording.handle(Limits.eventsPerAppend, id: "1")
        }
        #expect(try await store.head() == .start)
        #expect(try await handler.state(of: "1").state == 0)
        // The identifier is free, the subject in order, and what just fits is carried out.
        let receipt = try await handler.handle(Limits.eventsPerAppend, id: "1", commandID: "many")
        #expect(!receipt.isRepeat && receipt.version == 9_999)
        #expect(try await handler.handle(1, id: "1").version == 10_000)
        let again = try await handler.handle(Limits.eventsPerAppend, id: "1", commandID: "many")
        #expect(again.isRepeat && again.events == receipt.events)
    }

    @Test("is not what a command decides that was carried out before", arguments: TestStore.all)
    func repeated(_ make: TestStore) async throws {
        let handler = CommandHandler(Bulk.self, in: try await make.make(), category: "bulk")
        let first = try await handler.handle(7, id: "1", commandID: "seven")
        let again = try await handler.handle(20_000, id: "1", commandID: "seven")
        #expect(again.isRepeat && again.events == first.events && again.version == first.version)
    }

    @Test("is nothing, or refused as a whole, over several subjects", arguments: TestStore.all)
    func boundaries(_ make: TestStore) async throws {
        let store = try await make.make()
        let handler = BoundaryHandler(TaggedBulk.self, in: store)
        let nothing = try await handler.handle(0)
        #expect(nothing.eventCount == 0 && nothing.streams.isEmpty && nothing.position == .start)
        #expect(try await !handler.handle(0, commandID: "none").isRepeat)
        let repeated = try await handler.handle(7, commandID: "none")
        #expect(repeated.isRepeat && repeated.eventCount == 0)
        for commandID: CommandID? in [nil, "many"] {
            let error = await #expect(throws: BoundaryError<Bulk.Rejection>.append(Self.tooMany(20_000))) {
                try await handler.handle(20_000, commandID: commandID)
            }
            #expect(error?.mayBeRecorded == false && error?.rejectionReason == nil)
        }
        await #expect(throws: BoundaryError<Bulk.Rejection>.append(Self.tooMany(Limits.eventsPerAppend + 1))) {
            try await handler.recording(.all, in: "bulk_commands").handle(Limits.eventsPerAppend)
        }
        #expect(try await store.head() == .start)
        let receipt = try await handler.handle(Limits.eventsPerAppend, commandID: "many")
        #expect(!receipt.isRepeat && receipt.eventCount == Limits.eventsPerAppend && receipt.position == 10_000)
        #expect(try await handler.handle(1).position == 10_001)
    }

    private func record(_ events: SaleEvent..., in store: any EventStore) async throws {
        let codec = JSONEventCodec<SaleEvent>()
        try await store.append(try events.map { NewEvent(try codec.encode($0)) }, to: "sales")
    }

    /// Leaves out the sales that are too large.
    private struct SmallSales: EventReader {
        func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [SaleEvent] {
            try SaleEvent.makeReader().decode(event).filter { (Int($0.sale) ?? 0) < Limits.eventsPerAppend }
        }
    }

    @Test(
        "is nothing, or stops a process manager before its input", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func reactions(_ make: TestStore) async throws {
        let store = try await make.make()
        try await record(
            .placed(sale: "0"), .placed(sale: "2"), .placed(sale: "20000"), .placed(sale: "3"), .placed(sale: "10000"),
            .placed(sale: "9999"), in: store)
        let runner = ProcessRunner(BulkProcess.self, of: store, in: store) { _, _ in }
        for isRunning in [false, true] {
            await #expect(throws: ProcessError.append(Self.tooMany(20_000))) {
                if isRunning { try await runner.run() } else { try await runner.react() }
            }
            #expect(try await runner.state(of: "0").version == nil)
            #expect(try await runner.state(of: "2").state == 2)
            for id in ["20000", "3"] { #expect(try await runner.state(of: id).version == nil) }
        }
        // The runner's own note of how far it has come counts, too.
        let wary = ProcessRunner(BulkProcess.self, of: store, in: store, reader: SmallSales()) { _, _ in }
        #expect(try await wary.react() >= 6)
        #expect(try await wary.state(of: "3").state == 3)
        #expect(try await wary.state(of: "10000").version == nil)
        #expect(try await wary.state(of: "9999").state == 9_999)
        try await record(.placed(sale: "10000"), in: store)
        await #expect(throws: ProcessError.append(Self.tooMany(10_001))) { try await runner.react() }
        #expect(try await runner.state(of: "10000").version == nil)
    }

    @Test(
        "is nothing, or parks the command of a process that led to it", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func sending(_ make: TestStore) async throws {
        let store = try await make.make()
        let bulk = CommandHandler(Bulk.self, in: store, category: "bulk")
        let policy = ConsumerPolicy(deliveries: 2, backoff: .zero, pollInterval: .milliseconds(1))
        let runner = ProcessRunner(BulkProcess.self, of: store, in: store, policy: policy) { count, id in
            try await bulk.handle(count, id: "1", commandID: id)
        }
        try await record(.paid(sale: "20000"), .paid(sale: "0"), .paid(sale: "3"), in: store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await eventually("the one is parked, and the others are carried out") {
                guard try await runner.commands.parked().count == 1 else { return false }
                return try await bulk.state(of: "1").state == 3
            }
            group.cancelAll()
        }
        let parked = try #require(try await runner.commands.parked().first)
        #expect(parked.key == "bulkProcess-20000" && parked.deliveries == 2)
        #expect(parked.reason == Self.tooMany(20_000).description)
        #expect(try await runner.commands.status().held == 1)
    }
}
