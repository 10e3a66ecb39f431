import DaybookCore
import DaybookPostgres
import DaybookTesting
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
}
