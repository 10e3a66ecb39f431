import DaybookCore
import DaybookSQLite
import Testing

@Suite("What readers see of an append", .timeLimit(.minutes(2)))
struct VisibilityTests {
    @Test("is all of it: a receipt is there only when the head has moved")
    func receipts() async throws {
        let store = try await SQLiteEventStore.temporary()
        let count = 2000
        try await withThrowingTaskGroup { group in
            group.addTask {
                for number in 0..<count {
                    try await store.append(
                        [NewEvent(type: "counted", data: [])], to: "count-1", commandID: Self.command(number))
                }
            }
            group.addTask {
                for number in 0..<count {
                    var found: AppendResult?
                    while found == nil { found = try await store.receipt(for: Self.command(number)) }
                    let head = try await store.head()
                    #expect(try head >= #require(found).position, "command \(number)")
                }
            }
            try await group.waitForAll()
        }
        await store.close()
    }

    private static func command(_ number: Int) -> CommandID { CommandID(unchecked: "count-\(number)") }
}
