import Foundation
import Testing

@Suite("daybook scavenge and daybook archive")
struct UpkeepCommandTests {
    private let folder: TemporaryFolder
    private var path: String { folder.file("shop.db") }

    init() throws { folder = try TemporaryFolder() }

    /// Ten events of a stream of which two are shown, and one of another.
    private func fill() async throws {
        let events = (0..<10).map { #"{"type":"Ticked","data":{"price":\#($0)}}"# }.joined(separator: ",")
        let requests = """
            {"writes":[{"stream":"tick-1","events":[\(events)]}]}
            {"writes":[{"stream":"tick-1","retention":{"maxCount":2}}]}
            {"writes":[{"stream":"order-1","events":[{"type":"Placed","data":{}}]}]}
            """
        // One request at a time, so that their order is that of the lines.
        for line in requests.split(separator: "\n") {
            #expect(try await Daybook.run("append", path, "--requests", "-", input: line + "\n").status == 0)
        }
    }

    @Test("tells what would be removed, removes it, and then has nothing more to remove")
    func scavenge() async throws {
        try await fill()
        let dryRun = try await Daybook.run("scavenge", path, "--dry-run")
        #expect(dryRun.status == 0 && dryRun.output.hasPrefix("Would remove 8 events"), "\(dryRun)")
        let bounded = try await Daybook.run("scavenge", path, "--through", "3", "--json")
        #expect(bounded.output.contains(#""events":3"#), "\(bounded)")
        let rest = try await Daybook.run("scavenge", path, "--compact")
        #expect(rest.status == 0 && rest.output.hasPrefix("Removed 5 events"), "\(rest)")
        #expect(try await Daybook.run("scavenge", path).output.hasPrefix("Removed 0 events"))
        #expect(try await Daybook.run("export", path).lines.count == 4)
        #expect(try await Daybook.run("verify", path).status == 0)
        #expect(try await Daybook.run("scavenge", path, "--through", "-1").status == 64)
        #expect(try await Daybook.run("scavenge", folder.file("none.db")).status == 66)
    }

    @Test("moves old events, reads them from there, and says which file is away")
    func archive() async throws {
        try await fill()
        let before = try await Daybook.run("export", path)
        #expect(try await Daybook.run("archive", path).status == 64)
        let moved = try await Daybook.run("archive", path, "--through", "6")
        #expect(moved.status == 0 && moved.output.contains("Moved 6 events, positions 1 to 6"), "\(moved)")
        let all = try await Daybook.run("archive", path, "--before", "2999-01-01T00:00:00Z", "--compact")
        #expect(all.status == 0 && all.output.contains("positions 7 to 11"), "\(all)")
        #expect(try await Daybook.run("export", path).output == before.output)
        #expect(try await Daybook.run("archive", path, "--through", "6").output == "Nothing to move.\n")
        try FileManager.default.removeItem(atPath: path + ".archive-1-6")
        let away = try await Daybook.run("export", path)
        #expect(away.status == 2 && away.errors.contains("shop.db.archive-1-6"), "\(away)")
    }
}
