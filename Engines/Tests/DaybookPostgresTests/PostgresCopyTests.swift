import DaybookCore
import DaybookPostgres
import DaybookTesting
import Testing

@Suite(
    "A log that is copied to and from PostgreSQL", .enabled(if: Server.isGiven, Server.hint),
    .timeLimit(.minutes(5)))
struct PostgresCopyTests {
    @Test("keeps every law of copying", arguments: CopyLaw.all)
    func law(_ law: CopyLaw) async throws {
        try await Server.withStore { store in try await law.check { store } }
    }
}
