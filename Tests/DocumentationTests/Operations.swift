import DaybookCore
import DaybookSQLite

/// The statements of the guide to operations, and what they came to.
func operations() async throws -> (report: BackupReport, health: StoreHealth) {
    // sample: backup and health
    var configuration = SQLiteEventStore.Configuration()
    configuration.cacheBytes = 256 << 20  // On each of three connections.
    configuration.freeSpaceReserve = 256 << 20
    let store = try await SQLiteEventStore.open("shop.daybook", configuration: configuration)

    let report = try await store.backup(to: "shop.daybook-2026-11-25")
    print(report.head, report.bytes)

    let health = try await store.health(HealthPolicy(maxEventsBehind: 20_000))
    for problem in health.problems + health.consumers.flatMap(\.problems) { print(problem) }
    // end of sample
    await store.close()
    return (report, health)
}
