import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

/// What was deposited, in order; a deposit of 13 is a trap unless that is mended.
private struct Trap: Projection {
    let name: ReadModelName = "trap"
    var isMended = false

    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { ["all", recorded.stream.rawValue] }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout [Int]?) {
        guard case .deposited(let amount) = event else { return }
        document = (document ?? []) + [amount]
        // When one of its documents is changed already.
        if amount == 13, key != "all", !isMended { fatalError("an unlucky number") }
    }
}

/// Notes what is sold; a sale of the name 13 is a trap unless that is mended.
private enum TrapProcess: ProcessManager {
    enum Event: DomainEvent {
        case noted(String)
        static let typePrefix = "trap"
    }
    @TaskLocal static var isMended = false

    static let category: DaybookCore.Category = "trap"
    static let initialState: [String] = []
    static func processIDs(for input: SaleEvent, recorded: RecordedEvent) -> [String] { ["1"] }
    static func react(to input: SaleEvent, in state: [String]) -> [ProcessAction<Event, String>] {
        if input.sale == "13", !isMended { fatalError("an unlucky number") }
        return [.record(.noted(input.sale)), .send(input.sale)]
    }
    static func react(
        toRejectionOf command: String, reason: String, in state: [String]
    ) -> [ProcessAction<Event, String>] { [] }
    static func evolve(_ state: inout [String], with event: Event) {
        if case .noted(let sale) = event { state.append(sale) }
    }
}

@Suite("An event that brings the program down")
struct ProjectionTrapTests {
    /// A file that is removed in the end.
    private func withLog(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-trap-\(EventID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder.appendingPathComponent("log.daybook").path)
    }

    private static func project(_ path: String, isMended: Bool) async throws {
        let store = try await SQLiteEventStore.open(path)
        let runner = ProjectionRunner(Trap(isMended: isMended), of: store, in: store, batchSize: 2)
        try await runner.catchUp()
        await store.close()
    }

    private static func react(_ path: String) async throws {
        let store = try await SQLiteEventStore.open(path)
        _ = try await ProcessRunner(TrapProcess.self, of: store, in: store, batchSize: 2) { _, _ in }.react()
        await store.close()
    }

    @Test("stops a projection there each time, and counts once like all others when that is mended")
    func projection() async throws {
        try await withLog { path in
            let before = try await SQLiteEventStore.open(path)
            let accounts = CommandHandler(CashAccount.self, in: before, category: "account")
            let amounts = [1, 2, 3, 13, 4, 5, 6]
            for amount in amounts { try await accounts.handle(.deposit(amount: amount), id: "\(amount % 2)") }
            await before.close()
            for _ in 0..<2 {
                await #expect(processExitsWith: .failure) { [path = path as String] in
                    try await ProjectionTrapTests.project(path, isMended: false)
                }
                let store = try await SQLiteEventStore.open(path)
                let model = ReadModel(Trap(), of: store, in: store)
                #expect(try await model.position() == 2, "the batch before its own is saved, and nothing of its own")
                #expect(try await model.document("all") == [1, 2])
                await store.close()
            }
            await #expect(processExitsWith: .success) { [path = path as String] in
                try await ProjectionTrapTests.project(path, isMended: true)
            }
            let store = try await SQLiteEventStore.open(path)
            let model = ReadModel(Trap(), of: store, in: store)
            #expect(try await model.document("all") == amounts)
            #expect(try await model.document("account-1") == [1, 3, 13, 5])
            #expect(try await model.document("account-0") == [2, 4, 6])
            await store.close()
        }
    }

    @Test("stops a process manager there each time, and has its effect once like all others when that is mended")
    func process() async throws {
        try await withLog { path in
            let before = try await SQLiteEventStore.open(path)
            let codec = JSONEventCodec<SaleEvent>()
            let sales = ["1", "2", "3", "13", "4"]
            try await before.append(sales.map { NewEvent(try codec.encode(.placed(sale: $0))) }, to: "sales")
            await before.close()
            for _ in 0..<2 {
                await #expect(processExitsWith: .failure) { [path = path as String] in
                    try await ProjectionTrapTests.react(path)
                }
                let store = try await SQLiteEventStore.open(path)
                let runner = ProcessRunner(TrapProcess.self, of: store, in: store) { _, _ in }
                #expect(try await runner.state(of: "1").state == ["1", "2"])
                await store.close()
            }
            await #expect(processExitsWith: .success) { [path = path as String] in
                try await TrapProcess.$isMended.withValue(true) { try await ProjectionTrapTests.react(path) }
            }
            let store = try await SQLiteEventStore.open(path)
            let runner = ProcessRunner(TrapProcess.self, of: store, in: store) { _, _ in }
            #expect(try await runner.state(of: "1").state == sales)
            var sent = 0
            for try await _ in store.events(filter: EventFilter(types: ["process.sent"])) { sent += 1 }
            #expect(sent == sales.count)
            await store.close()
        }
    }
}
