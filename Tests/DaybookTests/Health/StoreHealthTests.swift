import DaybookCore
import DaybookSQLite
import DaybookTesting
import Testing

@Suite("The health of a store in a file")
struct StoreHealthTests {
    @Test("keeps every law, and is the same to whoever looks at the file beside its owner", arguments: HealthLaw.all)
    func law(_ law: HealthLaw) async throws {
        let store = try await SQLiteEventStore.temporary()
        try await law.check(store)
        let health = try await store.health()
        let beside = try await SQLiteEventStore.health(ofFile: store.path)
        #expect(beside.head == health.head)
        #expect(beside.consumers.map(\.name) == health.consumers.map(\.name))
        #expect(beside.consumers.map(\.position) == health.consumers.map(\.position))
        #expect(beside.consumers.map(\.parked) == health.consumers.map(\.parked))
        await store.close()
    }

    @Test("objects to a disk below the reserve and to a long write-ahead log")
    func storeItself() async throws {
        var configuration = SQLiteEventStore.Configuration()
        configuration.freeSpaceReserve = .max
        let store = try await SQLiteEventStore.temporary(configuration: configuration)
        let health = try await store.health(HealthPolicy(maxWALBytes: -1))
        #expect(health.problems.count == 2 && !health.isHealthy, "\(health)")
        #expect(health.file?.freeSpaceReserve == Int64.max && health.file?.failure == nil)
        await store.close()
    }
}
