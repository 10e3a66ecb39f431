import DaybookClient
import DaybookCore
import DaybookServer
import Testing

@Suite("A client of a server that asks who calls", .timeLimit(.minutes(2)))
struct ClientAccessTests {
    private static let password = "correct horse"

    /// Serves a store with an admin, `ada`, and a user of each of these groups, named like it without the `$`.
    private static func serving(
        _ groups: [String], _ use: (_ client: (String?) throws -> DaybookClient) async throws -> Void
    ) async throws {
        let store = InMemoryEventStore()
        let users = try await ServerUsers(store: store)
        try await users.add("ada", password: password, groups: ["$admins"])
        for group in groups { try await users.add(String(group.dropFirst()), password: password, groups: [group]) }
        let server = try await TestServer.start(store, asksWhoCalls: true)
        let result: Result<Void, any Error>
        do {
            try await use { login in
                let credentials = login.map { "\($0):correct%20horse@" } ?? ""
                return try DaybookClient.connect(to: "daybook://\(credentials)127.0.0.1:\(server.port)?tls=false")
            }
            result = .success(())
        } catch { result = .failure(error) }
        await server.stop()
        try result.get()
    }

    private static func event() -> NewEvent { NewEvent(type: "Placed", data: Array("{}".utf8)) }

    @Test("writes in its user's name, and reads what that may read")
    func streams() async throws {
        try await Self.serving(["$writers", "$readers"]) { client in
            let (writer, reader) = (try client("writers"), try client("readers"))
            try await writer.append([Self.event()], to: "order-1", expecting: .noStream)
            let page = try await reader.readPage(of: "order-1", from: .start, direction: .forward, limit: 10)
            let metadata = try #require(page.events.first).metadata
            #expect(String(decoding: metadata, as: UTF8.self).contains(#""$actor":"writers""#))
            #expect(try await reader.streams(after: nil, limit: 2) == ["order-1"])
            let log = try await reader.readPage(
                from: .start, direction: .forward, filter: .everything, limit: 100)
            #expect(log.events.map(\.stream) == ["order-1"])
            // The users are before it, and were looked at.
            #expect(log.isAtEnd && log.scannedThrough > 3)
            let admin = try await client("ada").streams(after: nil, limit: 100)
            #expect(admin.count > 1)
            await #expect(throws: ReadError.self) {
                try await reader.readPage(of: "$user-ada", from: .start, direction: .forward, limit: 1)
            }
        }
    }

    @Test("is refused what its user may not, and nothing is written")
    func refusals() async throws {
        try await Self.serving(["$readers", "$projectors"]) { client in
            let (reader, projector, nobody) = (try client("readers"), try client("projectors"), try client(nil))
            for refused in [reader, projector, nobody] {
                let error = await #expect(throws: AppendError.self) {
                    try await refused.append([Self.event()], to: "order-1", expecting: .noStream)
                }
                guard case .storageFailed(reason: _, mayBeWritten: false)? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
            }
            try await projector.save(Checkpoint(after: 3), for: "orders")
            #expect(try await projector.checkpoint(for: "orders") == Checkpoint(after: 3))
            for refused in [reader, nobody] {
                await #expect(throws: DerivedStateError.self) { try await refused.checkpoint(for: "orders") }
            }
            await #expect(throws: ReadError.self) { try await nobody.head() }
            await #expect(throws: ReadError.self) { try await projector.state(of: "order-1") }
        }
    }
}
