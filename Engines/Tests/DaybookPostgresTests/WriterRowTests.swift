import DaybookCore
import DaybookPostgres
import DaybookTesting
import StoreTrials
import Testing

/// The row in which each open store notes what it has written, so that a lost answer can be told from a lost append.
@Suite("The row of a writer in PostgreSQL", .enabled(if: Server.isGiven, Server.hint))
struct WriterRowTests {
    @Test("that somebody has removed is made anew, and no append fails or is lost")
    func removed() async throws {
        try await Server.withSchema { schema in
            let store = try await Server.open(schema)
            let stream: StreamName = "account-1"
            func append(_ number: Int) async throws {
                try await store.append(
                    [NewEvent(type: "deposited", data: Array("\(number)".utf8))], to: stream,
                    expecting: number == 0 ? .noStream : .version(StreamVersion(Int64(number - 1))))
            }
            for number in 0..<3 { try await append(number) }
            try Server.sql("DELETE FROM \(schema).writers")
            try await append(3)
            try await append(4)
            #expect(try Server.sql("SELECT count(*) FROM \(schema).writers WHERE committed > 0") == [["1"]])
            let page = try await store.readPage(of: stream, from: .start, direction: .forward, limit: 10)
            #expect(page.events.map { String(decoding: $0.data, as: UTF8.self) } == ["0", "1", "2", "3", "4"])
            await store.close()
        }
    }

    @Test("that somebody has removed does not make a lost answer a lost append, which would be recorded twice")
    func removedAfterLostAnswer() async throws {
        try await Server.withSchema { schema in
            let relay = try CuttingRelay(to: try #require(Server.url))
            defer { relay.close() }
            let store = try await Server.open(schema)
            let cut = try await Server.open(schema, through: relay)
            try await cut.append([NewEvent(type: "before", data: [])], to: "account-1")
            relay.loseAnswers(to: "add_event")
            let lost = Task { try await cut.append([NewEvent(type: "lost", data: [])], to: "account-1") }
            try await eventually("it is recorded") { try await store.head() == 2 }
            try await store.append([NewEvent(type: "other", data: [])], to: "account-1")
            try Server.sql("DELETE FROM \(schema).writers")
            relay.cut()
            let error = await #expect(throws: AppendError.self) { try await lost.value }
            guard case .storageFailed(_, mayBeWritten: true)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            let next = try await cut.append([NewEvent(type: "next", data: [])], to: "account-1")
            #expect(next.version == 3 && next.position == 4)
            for store in [store, cut] { await store.close() }
        }
    }
}
