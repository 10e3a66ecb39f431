import DaybookCore
import Dispatch
import Synchronization
import Testing

@testable import DaybookSQLite

@Suite("Appends that share a transaction")
struct GroupTests {
    @Test("are written though one of them is to a stream whose last event is damaged")
    func damagedStream() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let first = try await SQLiteEventStore.open(path)
        try await first.append([NewEvent(type: "t", data: Array(repeating: 1, count: 40))], to: "bad-1")
        try await first.append([NewEvent(type: "t", data: [])], to: "good-1")
        await first.close()
        try IndexTests.execute(
            "UPDATE events SET record = substr(record, 1, 80) || x'7B' || substr(record, 82) WHERE position = 1",
            on: path)

        let store = try await SQLiteEventStore.open(path)
        let count = 32
        let outcomes = await appendTogether(
            (0..<count).map { number in
                StreamWrite(
                    stream: StreamName(unchecked: number == 7 ? "bad-1" : "good-\(number)"),
                    action: .append([NewEvent(type: "t", data: [])]))
            }, to: store)
        #expect(outcomes.count == count)
        for (stream, outcome) in outcomes {
            switch outcome {
            case .success: #expect(stream != "bad-1")
            case .failure(.storageFailed(let reason, mayBeWritten: false)):
                #expect(stream == "bad-1" && reason.contains("position 1"), "\(stream): \(reason)")
            case .failure(let error): Issue.record("\(stream): \(error)")
            }
        }
        #expect(try await store.head() == Position(Int64(2 + count - 1)))
        let page = try await store.readPage(
            from: .position(3), direction: .forward, filter: .everything, limit: 100)
        #expect(page.events.count == count - 1)
        await store.close()
    }

    @Test("are written though the name of an event type, which one of them uses, is damaged")
    func damagedName() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let first = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        try await first.append([NewEvent(type: "rare", data: [])], to: "good-1")
        // The index reaches beyond the name, so that the next opening does not read it.
        for _ in 0..<60 { try await first.append([NewEvent(type: "t", data: [])], to: "good-1") }
        #expect(try await first.statistics().indexSegments > 0)
        await first.close()
        try IndexTests.execute("UPDATE names SET crc = crc + 1 WHERE text = 'rare'", on: path)

        let store = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        let count = 32
        let outcomes = await appendTogether(
            (0..<count).map { number in
                // Something is recorded of this request before it meets the name.
                let types: [EventType] = number == 7 ? ["t", "rare"] : ["t"]
                return StreamWrite(
                    stream: StreamName(unchecked: number == 7 ? "bad-1" : "good-\(number)"),
                    action: .append(types.map { NewEvent(type: $0, data: []) }))
            }, to: store)
        #expect(outcomes.count == count)
        for (stream, outcome) in outcomes {
            switch outcome {
            case .success: #expect(stream != "bad-1")
            case .failure(.storageFailed(let reason, mayBeWritten: false)):
                #expect(stream == "bad-1" && reason.contains("CRC-32C of name"), "\(stream): \(reason)")
            case .failure(let error): Issue.record("\(stream): \(error)")
            }
        }
        #expect(try await store.head() == Position(Int64(61 + count - 1)))
        #expect(try await store.state(of: "bad-1").status == .missing)
        await store.close()
    }

    /// Appends by as many tasks, while the writer is held back until all of them wait.
    private func appendTogether(
        _ writes: [StreamWrite], to store: SQLiteEventStore
    ) async -> [(StreamName, AppendSubmission.Outcome)] {
        let gate = Gate(writes.count)
        let committer = store.committer
        let isHeld = committer.submit(.upkeep { _ in gate.wait() })
        #expect(isHeld)
        return await withTaskGroup(of: (StreamName, AppendSubmission.Outcome).self) { group in
            for write in writes {
                group.addTask {
                    let outcome = await AppendSubmission(AppendRequest(writes: [write])).result { submission in
                        defer { gate.arrive() }
                        return committer.submit(.append(submission))
                    }
                    return (write.stream, outcome)
                }
            }
            var outcomes: [(StreamName, AppendSubmission.Outcome)] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
    }
}

/// Holds the writer back until so many appends wait for it.
private final class Gate: Sendable {
    private let opens = DispatchSemaphore(value: 0)
    private let missing: Mutex<Int>

    init(_ count: Int) { missing = Mutex(count) }

    func arrive() {
        let isLast = missing.withLock { missing -> Bool in
            missing -= 1
            return missing == 0
        }
        if isLast { opens.signal() }
    }

    /// A writer that is held for ever would hold the test, too.
    func wait() { _ = opens.wait(timeout: .now() + .seconds(60)) }
}
