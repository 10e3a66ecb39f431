import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

@Suite("Receipts of commands whose events were recorded before")
struct ReceiptTests {
    /// A request that was recorded without a command, then sent again under the name of one; with its first result.
    private struct Named {
        var request: AppendRequest
        var first: AppendResult
    }

    /// Events without commands, then every request of them again under a name, then others behind all of them. More
    /// receipts follow on one another than a segment of the small index takes, and no event lies between them.
    private func fill(_ store: SQLiteEventStore) async throws -> [Named] {
        var named: [Named] = []
        for number in 0..<100 {
            let stream = StreamName(unchecked: "account-\(number)")
            var request = AppendRequest()
            request.append([NewEvent(type: "deposited", data: [UInt8(number)])], to: stream)
            request.append([NewEvent(type: "noted", data: [])], to: StreamName(unchecked: "note-\(number)"))
            let first = try await store.append(request)
            request.commandID = CommandID(unchecked: "deposit-\(number)")
            named.append(Named(request: request, first: first))
        }
        for number in named.indices.reversed() {
            var repeated = named[number].first
            repeated.isRepeat = true
            #expect(try await store.append(named[number].request) == repeated)
        }
        for number in named.indices {
            let stream = StreamName(unchecked: "account-\(number)")
            try await store.append([NewEvent(type: "withdrawn", data: [])], to: stream)
        }
        return named
    }

    private func requireRemembered(_ named: [Named], _ store: SQLiteEventStore) async throws {
        let head = try await store.head()
        for entry in named {
            let id = try #require(entry.request.commandID)
            #expect(try await store.receipt(for: id) == entry.first)
            var repeated = entry.first
            repeated.isRepeat = true
            #expect(try await store.append(entry.request) == repeated)
            var other = entry.request
            other.append([NewEvent(type: "noted", data: [])], to: "note-other")
            await #expect(throws: AppendError.commandReused(id: id)) { try await store.append(other) }
        }
        #expect(try await store.head() == head, "Nothing was written")
        let report = try await store.verify()
        #expect(report.isSound, "\(report.findings.prefix(3))")
    }

    @Test(
        "are there after an opening, and when the index is built anew",
        arguments: [SQLiteEventStore.Configuration(), SQLiteEventStoreLawTests.small])
    func survive(configuration: SQLiteEventStore.Configuration) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("bank.daybook")
        var store = try await SQLiteEventStore.open(path, configuration: configuration)
        let named = try await fill(store)
        try await requireRemembered(named, store)
        try await store.reindex()
        try await requireRemembered(named, store)
        await store.close()
        for damage in ["", "DROP TABLE index_blocks; DROP TABLE index_segments", "DELETE FROM index_segments"] {
            try IndexTests.execute(damage, on: path)
            store = try await SQLiteEventStore.open(path, configuration: configuration)
            try await requireRemembered(named, store)
            await store.close()
        }
    }

    @Test("are found by verify when they are damaged", arguments: [6, 7, 17, 33, 44])
    func damage(changing byte: Int) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("bank.daybook")
        var store = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        _ = try await fill(store)
        await store.close()
        try IndexTests.execute(
            """
            UPDATE commits SET record = substr(record, 1, \(byte - 1)) || x'7B' || substr(record, \(byte + 1))
            WHERE number = 50
            """, on: path)
        store = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        let findings = try await store.verify().findings
        #expect(findings.count == 1 && findings.first?.reason.contains("commit 50") == true, "\(findings)")
        await store.close()
    }
}
