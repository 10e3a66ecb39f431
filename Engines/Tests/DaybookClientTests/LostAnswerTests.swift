import DaybookClient
import DaybookCore
import DaybookTesting
import StoreTrials
import Synchronization
import Testing

@Suite("A client whose connection is cut", .timeLimit(.minutes(5)))
struct LostAnswerTests {
    /// Lets a client be used that reaches a store's server through what cuts its connections.
    private func cutting(
        _ configuration: ClientConfiguration = ClientConfiguration(),
        _ use: (ObservedStore, DaybookClient, CuttingRelay) async throws -> Void
    ) async throws {
        let store = ObservedStore()
        let server = try await TestServer.start(store)
        let relay = try CuttingRelay(to: "daybook://127.0.0.1:\(server.port)")
        let client = try DaybookClient.connect(to: TestServer.address(relay.port), configuration: configuration)
        let failure: (any Error)?
        do {
            _ = try await client.head()
            try await use(store, client, relay)
            failure = nil
        } catch { failure = error }
        relay.close()
        await client.close()
        await server.stop()
        if let failure { throw failure }
    }

    /// Makes a request whose answer is lost once it is recorded.
    private func lose(
        _ request: AppendRequest, _ store: ObservedStore, _ client: DaybookClient, _ relay: CuttingRelay
    ) async throws -> Result<AppendResult, any Error> {
        let before = try await store.head()
        relay.loseAnswers()
        let append = Task { try await client.append(request) }
        try await eventually("the append is recorded") { try await store.head() > before }
        relay.cut()
        return await append.result
    }

    private func event() -> NewEvent { NewEvent(type: "noted", data: [1]) }

    @Test("learns by asking again what became of an append with a command, or at a version")
    func repeats() async throws {
        try await cutting { store, client, relay in
            var byVersion = AppendRequest()
            byVersion.append([event()], to: "account-1", expecting: .noStream)
            byVersion.append([event(), event()], to: "account-2", expecting: .noStream)
            var byCommand = AppendRequest(commandID: "note-1")
            byCommand.append([event()], to: "account-3")
            for (request, count) in [(byVersion, 3), (byCommand, 1)] {
                let before = try await store.head().rawValue
                let result = try await lose(request, store, client, relay).get()
                #expect(result.isRepeat && result.eventCount == count)
                #expect(try await store.head().rawValue == before + Int64(count))
            }
        }
    }

    @Test("asks again when who stands in front of the server answers with a page of its own")
    func gateway() async throws {
        func frame(_ type: UInt8, flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
            // Of the second call, whose stream is the third.
            [0, 0, UInt8(payload.count), type, flags, 0, 0, 0, 3] + payload
        }
        try await cutting { store, client, relay in
            // The status is the eighth of the headers that HTTP/2 has a number for.
            let headers = frame(1, flags: 4, [8, 3] + Array("502".utf8))
            let page = frame(0, flags: 1, Array("<html>Bad Gateway</html>".utf8))
            relay.answer("account-1", with: headers + page)
            let result = try await client.append([event()], to: "account-1", expecting: .noStream)
            #expect(result.version == .first)
            #expect(try await store.head() == 1)
        }
    }

    @Test("says that an append may be written which it cannot ask for again, and writes it once")
    func reportsUnknown() async throws {
        try await cutting { store, client, relay in
            var request = AppendRequest()
            request.append([event()], to: "account-1")
            let result = try await lose(request, store, client, relay)
            #expect(throws: AppendError.self) { try result.get() }
            if case .failure(let error) = result {
                guard case .storageFailed(_, mayBeWritten: true) = error as? AppendError else {
                    Issue.record("The error is \(error).")
                    return
                }
            }
            #expect(try await store.head() == 1)
            #expect(try await client.append(request).isRepeat)
        }
    }

    @Test("does not say that nothing was written when the repeat is refused for a reason that may pass")
    func refusedRepeat() async throws {
        try await cutting { store, client, relay in
            var request = AppendRequest()
            request.append([event()], to: "account-1", expecting: .noStream)
            // Another writer is first.
            try await store.append([event()], to: "account-1")
            let before = store.appends
            relay.loseAnswers()
            let append = Task { try await client.append(request) }
            try await eventually("the append is refused") { store.appends > before }
            relay.cut()
            let outcome = await append.result
            guard case .failure(AppendError.storageFailed(_, mayBeWritten: true)) = outcome else {
                Issue.record("The outcome is \(outcome).")
                return
            }
            #expect(try await store.head() == 1)
        }
    }

    @Test("ends a cancelled append at once, and says that it may be written")
    func cancels() async throws {
        try await cutting { store, client, relay in
            relay.loseAnswers()
            let append = Task { try await client.append([event()], to: "account-1", commandID: "note-1") }
            try await eventually("the append is recorded") { try await store.head() == 1 }
            append.cancel()
            await #expect(throws: AppendError.cancelled(mayBeWritten: true)) { try await append.value }
            relay.cut()
            #expect(try await client.receipt(for: "note-1")?.position == 1)
        }
    }

    @Test("reads every event once, however often it is cut")
    func reads() async throws {
        try await cutting { store, client, relay in
            for number in 0..<40 {
                let events = (0..<100).map { _ in NewEvent(type: "noted", data: [UInt8](repeating: 1, count: 500)) }
                try await store.append(events, to: StreamName(unchecked: "account-\(number)"))
            }
            var positions: [Int64] = []
            for try await event in client.events(pageSize: 50) {
                positions.append(event.position.rawValue)
                if positions.count % 400 == 0 { relay.cut() }
            }
            #expect(positions == Array(1...4_000))
        }
    }

    @Test("follows the log without a gap or a repeat, however often it is cut")
    func follows() async throws {
        try await cutting { store, client, relay in
            let seen = Mutex<[Int64]>([])
            let follower = Task {
                for try await item in client.subscribe(pageSize: 20) {
                    if case .event(let event) = item { seen.withLock { $0.append(event.position.rawValue) } }
                }
            }
            for number in 1...100 {
                try await store.append([event(), event()], to: "account-1")
                if number % 10 == 0 {
                    try await eventually("half is seen") { seen.withLock(\.count) >= number }
                    relay.cut()
                }
            }
            try await eventually("all is seen") { seen.withLock(\.count) >= 200 }
            follower.cancel()
            _ = await follower.result
            #expect(seen.withLock { $0 } == Array(1...200))
        }
    }

    private final class Count: Sendable {
        private let count = Mutex(0)

        var value: Int { count.withLock { $0 } }

        @discardableResult
        func add() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    @Test("makes all calls again that waited for their turn, however many they are")
    func manyWait() async throws {
        try await cutting(ClientConfiguration(timeout: .seconds(120))) { store, client, relay in
            try await store.append([event()], to: "account-1")
            relay.loseAnswers()
            let begun = Count()
            try await withThrowingTaskGroup(of: Position.self) { group in
                for _ in 0..<10_000 {
                    group.addTask {
                        begun.add()
                        return try await client.head()
                    }
                }
                try await eventually("all calls are made") { begun.value == 10_000 }
                relay.cut()
                for try await head in group { #expect(head == 1) }
            }
        }
    }

    @Test("writes each of many appends once, while it is cut again and again")
    func writes() async throws {
        try await cutting { store, client, relay in
            let acknowledged = Count()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        let stream = StreamName(unchecked: "account-\(writer)")
                        for number in 0..<50 {
                            let expected: ExpectedVersion =
                                number == 0 ? .noStream : .version(StreamVersion(Int64(number - 1)))
                            let event = NewEvent(type: "noted", data: [UInt8(number)])
                            let result = try await client.append([event], to: stream, expecting: expected)
                            #expect(result.version == StreamVersion(Int64(number)))
                            if acknowledged.add() % 25 == 0 { relay.cut() }
                        }
                    }
                }
                try await group.waitForAll()
            }
            for writer in 0..<8 {
                let page = try await store.readPage(
                    of: StreamName(unchecked: "account-\(writer)"), from: .start, direction: .forward, limit: 100)
                #expect(page.events.map { Array($0.data) } == (0..<50).map { [UInt8($0)] })
            }
        }
    }
}
