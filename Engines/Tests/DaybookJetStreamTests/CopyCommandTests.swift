import DaybookCore
import DaybookSQLite
import StoreTrials
import Testing

@testable import DaybookJetStream

@Suite(
    "daybook copy to and from JetStream", .enabled(if: TestCluster.isThere, TestCluster.skipped),
    .timeLimit(.minutes(5)))
struct CopyCommandTests {
    private static func event(_ number: Int) -> NewEvent {
        NewEvent(
            type: "changed", data: [UInt8](repeating: UInt8(ascii: "x"), count: 300),
            metadata: EventMetadata(actor: "teller"), tags: [DaybookCore.Tag(unchecked: "n:\(number % 50)")])
    }

    private static func fill(_ path: String, _ range: Range<Int>) async throws {
        let store = try await SQLiteEventStore.open(path)
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 50) {
            var request = AppendRequest(commandID: start % 100 == 0 ? CommandID(unchecked: "c-\(start)") : nil)
            for number in start..<min(start + 50, range.upperBound) {
                request.append([event(number)], to: StreamName(unchecked: "account-\(number % 500)"))
            }
            try await store.append(request)
        }
        await store.close()
    }

    @Test("moves a log there and back, and the file it ends in is the one it began with")
    func roundTrip() async throws {
        let program = try BuiltProgram("daybook")
        let (from, back) = (program.file("a.db"), program.file("b.db"))
        try await Self.fill(from, 0..<3_000)
        let name = TestCluster.newName()
        let address = try TestCluster.address(name)
        let there = try await program.run("copy", "--from", "file:\(from)", "--to", address)
        #expect(there.status == 0, "\(there.errors)")
        #expect(there.errors.contains("Positions change"), "\(there.errors)")
        #expect(there.errors.contains("3,000 events and 30 commands were copied"), "\(there.errors)")
        #expect(there.errors.contains("The two logs are the same, but for positions: 3,000 events and 30 commands"))
        try await Self.fill(from, 3_000..<3_200)
        let more = try await program.run("copy", "--from", "file:\(from)", "--to", address)
        #expect(more.status == 0 && more.errors.contains("200 events and 2 commands were copied"), "\(more.errors)")
        let returned = try await program.run("copy", "--from", address, "--to", "file:\(back)")
        #expect(returned.status == 0 && returned.errors.contains("Positions change"), "\(returned.errors)")
        let same = try await program.run("copy", "--from", "file:\(from)", "--to", "file:\(back)")
        #expect(same.status == 0, "\(same.errors)")
        #expect(same.errors.contains("0 events and 0 commands were copied"), "\(same.errors)")
        #expect(same.errors.contains("The two logs are the same up to position 3,200"), "\(same.errors)")
        try await TestCluster.remove(name)
    }

    @Test("goes on where it was killed")
    func killed() async throws {
        let program = try BuiltProgram("daybook")
        let from = program.file("a.db")
        try await Self.fill(from, 0..<12_000)
        let name = TestCluster.newName()
        let address = try TestCluster.address(name)
        var kills = 0
        for number in 1...30 {
            let outcome = try await program.run(
                "copy", "--from", "file:\(from)", "--to", address, "--no-compare",
                killedAfter: .milliseconds(60 * number))
            guard outcome.status == -1 else { break }
            kills += 1
        }
        #expect(kills > 0)
        let last = try await program.run("copy", "--from", "file:\(from)", "--to", address)
        #expect(last.status == 0, "\(last.errors)")
        #expect(last.errors.contains("12,000 events and 120 commands were compared"), "\(last.errors)")
        try await TestCluster.remove(name)
    }

    @Test("refuses a target that has events of its own, a source that is not there, and an address that is none")
    func failures() async throws {
        let program = try BuiltProgram("daybook")
        let from = program.file("a.db")
        try await Self.fill(from, 0..<100)
        let name = TestCluster.newName()
        let store = try await TestCluster.connect(name)
        try await store.append([Self.event(1)], to: "own-1")
        let other = try await program.run("copy", "--from", "file:\(from)", "--to", try TestCluster.address(name))
        #expect(other.status == 1 && other.errors.contains("own-1@0"), "\(other.errors)")
        await TestCluster.remove(store)
        let missing = try await program.run(
            "copy", "--from", try TestCluster.address(TestCluster.newName()), "--to", "file:\(program.file("b.db"))")
        #expect(missing.status == 66 && missing.errors.contains("no JetStream stream"), "\(missing.errors)")
        for wrong in ["jetstream:shop", "jetstream://host", "jetstream://host/shop?replicas=9"] {
            let outcome = try await program.run("copy", "--from", "file:\(from)", "--to", wrong)
            #expect(outcome.status == 64 && outcome.errors.contains("jetstream://HOST"), "\(outcome.errors)")
        }
    }
}
