import DaybookCore
import Testing

@testable import DaybookSQLite

@Suite("The list of commands")
struct CommandListTests {
    @Test("ends before one whose events cannot be seen yet, though a later one points back at earlier events")
    func notVisibleYet() async throws {
        let store = try await SQLiteEventStore.temporary()
        var repeated = AppendRequest()
        repeated.append([NewEvent(type: "t", data: [1])], to: "a-1")
        try await store.append(repeated)
        for (number, command) in (["first", "second"] as [CommandID]).enumerated() {
            var request = AppendRequest(commandID: command)
            request.append([NewEvent(type: "t", data: [])], to: StreamName(unchecked: "b-\(number)"))
            try await store.append(request)
        }
        repeated.commandID = "third"
        #expect(try await store.append(repeated).isRepeat)
        // As a read that began before the second one was committed, and whose transaction began behind that.
        let seen = try await store.read { reader, _ throws(StoreFailure) in
            try reader.commands(after: 0, limit: 10, head: 2)
        }
        #expect(seen.map(\.command) == ["first"])
        #expect(try await store.commands(after: 1, limit: 10).map(\.command) == ["second", "third"])
        #expect(try await store.commands(after: .max, limit: 10).isEmpty)
        await store.close()
    }
}
