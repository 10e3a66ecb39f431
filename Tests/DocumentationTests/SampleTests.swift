import Foundation
import Testing

/// The samples of the documentation, as `scripts/check-samples` compares them: change both together.
@Suite("The samples of the documentation run:")
struct SampleTests {
    @Test("an account that holds cash for an order")
    func holdsCash() async throws {
        try removeStore("bank.daybook")
        let (now, before, isRepeat) = try await firstLook()
        #expect(now == 600)
        #expect(before == 1_000)
        #expect(isRepeat)
        try removeStore("bank.daybook")
    }

    @Test("a store that is copied and found healthy")
    func operates() async throws {
        try removeStore("shop.daybook")
        let (report, health) = try await operations()
        #expect(report.eventsVerified == 0)
        #expect(health.isHealthy)
        try removeStore("shop.daybook")
    }

    /// The sample's file and what stands beside it, in the folder that the tests run in.
    private func removeStore(_ file: String) throws {
        let files = FileManager.default
        for name in try files.contentsOfDirectory(atPath: files.currentDirectoryPath)
        where name.hasPrefix(file) {
            try files.removeItem(atPath: name)
        }
    }
}
