import Daybook
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("daybook schema")
struct SchemaCommandTests {
    enum Order: DomainEvent {
        case placed(size: Int)
        static let typePrefix = "order"
    }

    @Test("lists events that are not as the lock says, and exports the lock's schemas")
    func whole() async throws {
        let folder = try TemporaryFolder()
        var lock = SchemaLock()
        lock.accept([try SchemaSource(Order.self)])
        try Data(lock.text.utf8).write(to: URL(fileURLWithPath: folder.file("lock.json")))
        let store = try await SQLiteEventStore.open(folder.file("shop.db"))
        try await store.append([NewEvent(type: "order.placed", data: Array(#"{"size":1}"#.utf8))], to: "order-1")
        await store.close()
        let clean = try await Daybook.run(
            "schema", "verify", folder.file("shop.db"), "--lock", folder.file("lock.json"), "--json")
        #expect(clean.status == 0)
        #expect(
            clean.lines == [
                #"{"type":"order.placed","schemaVersion":1,"events":1,"failures":0}"#, #"{"events":1,"failures":0}"#,
            ])
        let again = try await SQLiteEventStore.open(folder.file("shop.db"))
        try await again.append([NewEvent(type: "order.placed", data: Array(#"{"size":"x"}"#.utf8))], to: "order-1")
        try await again.append([NewEvent(type: "order.lost", data: [])], to: "order-2")
        await again.close()
        let bad = try await Daybook.run(
            "schema", "verify", folder.file("shop.db"), "--lock", folder.file("lock.json"))
        #expect(bad.status == 2)
        #expect(bad.output.contains("'size' is not a whole number.") && bad.output.contains("The type is not locked."))
        #expect(bad.errors.contains("2 events are not as the lock says"))
        let schema = try await Daybook.run("schema", "export", "--lock", folder.file("lock.json"), "--title", "Shop")
        #expect(schema.status == 0)
        let document = try JSONValue(parsing: Array(schema.output.utf8.dropLast()))
        #expect(document["title"] == "Shop" && document["$defs"]?["order.placed/1"]?["type"] == "object")
    }

    @Test("says what is wrong with its arguments")
    func errors() async throws {
        let folder = try TemporaryFolder()
        let missing = try await Daybook.run("schema", "export", "--lock", folder.file("none.json"))
        #expect(missing.status == 66 && missing.errors.contains("There is no file"))
        try Data("{}".utf8).write(to: URL(fileURLWithPath: folder.file("bad.json")))
        let bad = try await Daybook.run("schema", "export", "--lock", folder.file("bad.json"))
        #expect(bad.status == 65 && bad.errors.contains("no schema lock of format 1"))
    }
}
