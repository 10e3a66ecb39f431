import DaybookCore
import DaybookServer
import DaybookTesting
import StoreTrials
import Synchronization
import Testing

@testable import DaybookClient

@Suite("A client", .timeLimit(.minutes(2)))
struct DaybookClientTests {
    private static let impatient = ClientConfiguration(timeout: .milliseconds(300))

    private static func event() -> NewEvent { NewEvent(type: "noted", data: [1]) }

    @Test("says that nothing is written while there is no server")
    func withoutServer() async throws {
        let client = try DaybookClient.connect(to: TestServer.address(1), configuration: Self.impatient)
        do throws(AppendError) {
            try await client.append([Self.event()], to: "account-1")
            Issue.record("It was appended.")
        } catch {
            guard case .storageFailed(_, mayBeWritten: false) = error else {
                Issue.record("The error is \(error).")
                return
            }
        }
        await #expect(throws: ReadError.self) { try await client.head() }
        await #expect(throws: ReadError.self) { try await client.head(beyond: .start) }
        await #expect(throws: DerivedStateError.self) { try await client.checkpoint(for: "reader") }
    }

    @Test("finds a server that is started later")
    func laterServer() async throws {
        let store = InMemoryEventStore()
        let first = try await TestServer.start(store)
        await first.stop()
        let relay = try CuttingRelay(to: "daybook://127.0.0.1:\(first.port)")
        let client = try DaybookClient.connect(to: TestServer.address(relay.port))
        let append = Task { try await client.append([Self.event()], to: "account-1") }
        try await eventually("the client has tried again") { relay.refusals >= 2 }
        let second = try await TestServer.start(store, port: first.port)
        #expect(try await append.value.position == 1)
        relay.close()
        await client.close()
        await second.stop()
    }

    @Test("refuses everything once it is closed, and ends what waits")
    func closes() async throws {
        let store = ObservedStore()
        let server = try await TestServer.start(store)
        let client = try DaybookClient.connect(to: server.address)
        let head = try await client.append([Self.event()], to: "account-1").position
        let waiting = Task { try await client.head(beyond: head) }
        try await eventually("the client waits beside the server") { store.waits == 2 }
        await client.close()
        await #expect(throws: ReadError.closed) { try await waiting.value }
        await #expect(throws: AppendError.closed) { try await client.append([Self.event()], to: "account-1") }
        await #expect(throws: ReadError.closed) { try await client.head() }
        await server.stop()
    }

    @Test("makes more calls at once than may be open")
    func manyCalls() async throws {
        let store = InMemoryEventStore()
        let server = try await TestServer.start(store)
        let client = try DaybookClient.connect(to: server.address, configuration: ClientConfiguration(openCalls: 3))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let stream = StreamName(unchecked: "account-\(number)")
                    try await client.append([Self.event()], to: stream, expecting: .noStream)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.head() == 200)
        await client.close()
        await server.stop()
    }

    @Test("makes a new connection before one has carried all the calls that it can, and loses none")
    func callsInAll() async throws {
        let store = InMemoryEventStore()
        let server = try await TestServer.start(store)
        var configuration = ClientConfiguration()
        configuration.callsPerConnection = 10
        let client = try DaybookClient.connect(to: server.address, configuration: configuration)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask {
                    let stream = StreamName(unchecked: "account-\(number)")
                    try await client.append([Self.event()], to: stream)  // Which cannot be made again.
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.head() == 60)
        #expect(client.heads.losses >= 5)
        await client.close()
        await server.stop()
    }

    @Test("lets a thousand subscriptions wait, and is told by one call")
    func manyWaits() async throws {
        let store = ObservedStore()
        let server = try await TestServer.start(store)
        let client = try DaybookClient.connect(to: server.address, configuration: ClientConfiguration(openCalls: 2))
        let waits = (0..<1_000).map { _ in Task { try await client.head(beyond: .start) } }
        try await eventually("all wait, by one call") { client.heads.waiting == 1_000 && store.waits == 2 }
        try await store.append([Self.event()], to: "account-1")
        for wait in waits { #expect(try await wait.value == 1) }
        await client.close()
        await server.stop()
    }

    @Test("is told what a server does not do")
    func unimplemented() async throws {
        let store = InMemoryEventStore()
        let server = try await TestServer.start(EventsAlone(base: store, checkpoints: store))
        let client = try DaybookClient.connect(to: server.address)
        try await client.append([Self.event()], to: "account-1")
        await #expect(throws: DerivedStateError.self) { try await client.snapshot(for: "account-1") }
        await #expect(throws: ReadError.self) { try await client.copyable() }
        await client.close()
        await server.stop()
    }

    /// A store without derived state other than checkpoints, which a server needs.
    private struct EventsAlone: ForwardingStore, CheckpointStore {
        let base: any EventStore
        let checkpoints: any CheckpointStore

        func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
            try await checkpoints.checkpoint(for: name)
        }

        func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
            try await checkpoints.save(checkpoint, for: name)
        }

        func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) {
            try await checkpoints.deleteCheckpoint(for: name)
        }
    }

    @Test("does not make a change of a read model again that a store may have made which was closed meanwhile")
    func closedStore() async throws {
        let server = try await TestServer.start(ClosingStore())
        let client = try DaybookClient.connect(to: server.address)
        let batch = DocumentBatch(model: "accounts", changes: ["a": [1]], previous: .start, checkpoint: 1)
        let error = await #expect(throws: DerivedStateError.self) { try await client.commit(batch) }
        guard case .storageFailed? = error else {
            Issue.record("The error is \(String(describing: error)).")
            return
        }
        #expect(try await client.checkpoint(of: "accounts") == 1)
        await client.close()
        await server.stop()
    }

    /// A store that is closed when it has sent the first change of a read model to where it keeps that.
    private final class ClosingStore: ForwardingStore, CheckpointStore, ReadModelStore {
        private let store = InMemoryEventStore()
        private let isFirst = Mutex(true)

        var base: any EventStore { store }

        func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
            try await store.commit(batch)
            let isOver = isFirst.withLock { isFirst in
                defer { isFirst = false }
                return isFirst
            }
            if isOver { throw .closed }
        }

        func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
            try await store.checkpoint(of: model)
        }

        func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
            try await store.document(key, of: model)
        }

        func documents(
            _ keys: [String], of model: ReadModelName
        ) async throws(DerivedStateError) -> [String: [UInt8]] {
            try await store.documents(keys, of: model)
        }

        func documents(
            of model: ReadModelName, after key: String?, limit: Int
        ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
            try await store.documents(of: model, after: key, limit: limit)
        }

        func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
            try await store.deleteReadModel(model)
        }

        func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
            try await store.checkpoint(for: name)
        }

        func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
            try await store.save(checkpoint, for: name)
        }

        func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) {
            try await store.deleteCheckpoint(for: name)
        }
    }

    @Test("reads addresses")
    func addresses() throws {
        let plain = try ServerAddress("daybook://localhost:2114?tls=false")
        #expect(plain.host == "localhost" && plain.port == 2114 && !plain.usesTLS)
        #expect(plain.authority == "localhost:2114")
        let secure = try ServerAddress("daybook://store.example/")
        #expect(secure.host == "store.example" && secure.port == 2113 && secure.usesTLS)
        let six = try ServerAddress("daybook://[::1]:7")
        #expect(six.host == "::1" && six.port == 7 && six.authority == "[::1]:7")
        for text in [
            "", "http://localhost", "daybook://", "daybook://:1", "daybook://a:b", "daybook://a:0", "daybook://[::1",
            "daybook://a?tls=maybe", "daybook://a:65536", "daybook://u@a", "daybook://:p@a", "daybook://u%3Av:p@a",
            "daybook://a?tlsCaFile=", "daybook://a?userCertFile=c", "daybook://a?userKeyFile=k",
            "daybook://a?tls=false&userCertFile=c&userKeyFile=k",
        ] {
            #expect(throws: ClientError.self) { try ServerAddress(text) }
        }
    }

    @Test("reads credentials, and does not show them")
    func credentials() throws {
        let address = try ServerAddress("daybook://ada:p%40s%3As@[::1]:7?tls=true&tlsCaFile=/etc/my%20authority.pem")
        #expect(address.credentials == .user("ada", password: "p@s:s"))
        #expect(address.credentials?.header == "Basic YWRhOnBAczpz")
        #expect(address.trustedCertificates == "/etc/my authority.pem")
        #expect(address.host == "::1" && address.port == 7 && address.usesTLS)
        let certified = try ServerAddress("daybook://a?userCertFile=/etc/my%20own.pem&userKeyFile=/etc/my=own.key")
        #expect(certified.certificate == ClientCertificate(file: "/etc/my own.pem", key: "/etc/my=own.key"))
        let configuration = ClientConfiguration(certificate: certified.certificate)
        #expect(throws: ClientError.self) {
            try DaybookClient.connect(to: "daybook://127.0.0.1?tls=false", configuration: configuration)
        }
        #expect(!"\(address)".contains("YWRh"))
        let error = #expect(throws: ClientError.self) { try ServerAddress("daybook://ada:secret@:7") }
        #expect(error.map { !"\($0)".contains("secret") } == true)
        #expect(throws: ClientError.credentialsWithoutTLS(host: "far.example")) {
            try DaybookClient.connect(to: "daybook://ada:secret@far.example?tls=false")
        }
    }

    @Test("waits longer after each failure, and never longer than said")
    func backoff() {
        let backoff = Backoff(first: .milliseconds(20), longest: .seconds(2))
        var random = SplitMix64(seed: 1)
        for failures in 1...40 {
            let whole = min(Duration.milliseconds(20) * (1 << min(failures - 1, 20)), .seconds(2))
            let delay = backoff.delay(after: failures, using: &random)
            #expect(delay >= whole * 0.5 && delay <= whole)
        }
    }

    @Test("says that the store does not take an append only when that is too large, and not while the server is busy")
    func tooLarge() async throws {
        let client = try DaybookClient.connect(to: TestServer.address(1), configuration: Self.impatient)
        let tags = (0..<Limits.tagsPerEvent).map { Tag(unchecked: "\($0)" + String(repeating: "t", count: 500)) }
        let events = (0..<2_000).map { _ in NewEvent(type: "noted", data: [1], tags: tags) }
        do throws(AppendError) {
            try await client.append(events, to: "account-1")
            Issue.record("It was appended.")
        } catch {
            guard case .unsupported = error else {
                Issue.record("The error is \(error).")
                return
            }
        }
        let failure = CallFailure(status: 8, "Too many logins have failed")
        #expect(AppendError(failure) == .storageFailed(reason: failure.reason, mayBeWritten: false))
    }

    @Test("repeats what a store's contract allows")
    func repeatable() {
        func request(_ expected: ExpectedVersion, _ action: StreamWrite.Action? = nil) -> AppendRequest {
            AppendRequest(writes: [
                StreamWrite(stream: "a", expected: expected, action: action ?? .append([Self.event()]))
            ])
        }
        #expect(request(.noStream).isRepeatable && request(.version(3)).isRepeatable)
        #expect(!request(.any).isRepeatable && !request(.streamExists).isRepeatable)
        #expect(!request(.version(3), .delete).isRepeatable)
        var mixed = request(.version(3))
        mixed.append([Self.event()], to: "b")
        #expect(!mixed.isRepeatable)
        mixed.commandID = "c"
        #expect(mixed.isRepeatable && AppendRequest(commandID: "c").isRepeatable)
    }

    @Test("knows which refusals hold for an attempt before, too")
    func refusals() {
        let late = AppendError.wrongExpectedVersion(stream: "a", expected: .version(3), actual: 4)
        #expect(late.holdsForEver)
        for error: AppendError in [
            .wrongExpectedVersion(stream: "a", expected: .version(3), actual: 2),
            .wrongExpectedVersion(stream: "a", expected: .version(3), actual: nil),
            .wrongExpectedVersion(stream: "a", expected: .noStream, actual: 0), .refused(by: "m", reason: "r"),
            .invalid(.conditionBeyondHead(after: 3, head: 1)),
        ] {
            #expect(!error.holdsForEver)
        }
    }
}
