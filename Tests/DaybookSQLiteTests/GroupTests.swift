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
        let gate = Gate(count)
        let committer = store.committer
        let isHeld = committer.submit(.upkeep { _ in gate.wait() })
        #expect(isHeld)
        let outcomes = await withTaskGroup(of: (StreamName, AppendSubmission.Outcome).self) { group in
            for number in 0..<count {
                let stream = StreamName(unchecked: number == 7 ? "bad-1" : "good-\(number)")
                group.addTask {
                    let request = AppendRequest(writes: [
                        StreamWrite(stream: stream, action: .append([NewEvent(type: "t", data: [])]))
                    ])
                    let outcome = await AppendSubmission(request).result { submission in
                        defer { gate.arrive() }
                        return committer.submit(.append(submission))
                    }
                    return (stream, outcome)
                }
            }
            var outcomes: [(StreamName, AppendSubmission.Outcome)] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
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
