import DaybookCore
import DaybookSQLite
import Foundation
import StoreTrials
import Testing

@Suite("The command through a server", .timeLimit(.minutes(5)))
struct CommandTests {
    private let program: BuiltProgram
    private let file: String

    init() throws {
        program = try BuiltProgram("daybook")
        file = program.file("shop.db")
    }

    /// Orders in 40 streams, one of which is truncated and one deleted, with tags.
    private func fill(_ path: String) async throws {
        let store = try await SQLiteEventStore.open(path)
        for number in 0..<40 {
            let stream = StreamName(unchecked: "order-\(number)")
            let events = (0..<5).map { index in
                NewEvent(
                    type: index == 0 ? "OrderPlaced" : "OrderChanged", data: Array("{\"size\":\(index)}".utf8),
                    tags: [Tag(unchecked: "owner:\(number % 3)")])
            }
            try await store.append(events, to: stream, expecting: .noStream)
        }
        try await store.setRetention(Retention(maxCount: 2), of: "order-1")
        try await store.delete("order-2")
        try await store.save(Checkpoint(after: 100), for: "reader")
        await store.close()
    }

    /// The verb on the file, and what stands behind the store.
    private func onFile(_ verb: String, _ rest: [String]) async throws -> BuiltProgram.Outcome {
        try await program.run([verb, file] + rest)
    }

    private func onServer(
        _ served: ServedFile, _ verb: [String], _ rest: [String] = [], input: String? = nil
    ) async throws -> BuiltProgram.Outcome {
        try await program.run(verb + rest + ["--server", served.address], input: input)
    }

    private static let reads: [[String]] = [
        ["read", "--json"], ["read", "--stream", "order-1"], ["read", "--backward", "--limit", "7", "--json"],
        ["read", "--category", "order", "--tag", "owner:1", "--json"], ["read", "--stream", "order-2"],
        ["follow", "--until-caught-up", "--json"], ["follow", "--after", "150", "--until-caught-up"],
        ["streams"], ["streams", "--json", "--limit", "9"], ["export"], ["verify"], ["verify", "--json"],
        ["read", "--stream", "none-1"],
    ]

    @Test("prints what it prints of the file")
    func reads() async throws {
        try await fill(file)
        var expected: [BuiltProgram.Outcome] = []
        for arguments in Self.reads { expected.append(try await onFile(arguments[0], Array(arguments.dropFirst()))) }
        try await ServedFile.serving(file, by: program) { served in
            for (arguments, there) in zip(Self.reads, expected) {
                let here = try await onServer(served, arguments)
                #expect(here.status == there.status && there.status == 0, "\(arguments): \(here.errors)")
                #expect(here.output == there.output, "\(arguments)")
                #expect(here.errors == there.errors, "\(arguments)")
                // The address in the place of the file is the same.
                let inPlace = try await program.run([arguments[0], served.address] + arguments.dropFirst())
                #expect(inPlace.output == there.output, "\(arguments)")
            }
        }
    }

    @Test("tells of health what it tells of the file, but for the time")
    func health() async throws {
        try await fill(file)
        let there = try await onFile("health", ["--max-behind", "10"])
        try await ServedFile.serving(file, by: program) { served in
            let here = try await onServer(served, ["health"], ["--max-behind", "10"])
            #expect(here.status == 3 && there.status == 3, "\(here)")
            #expect(here.output.contains("checkpoint  reader"), "\(here)")
            for outcome in [here, there] { #expect(outcome.errors.contains("'reader': It is 102 "), "\(outcome)") }
            let metrics = try await onServer(served, ["health"], ["--metrics"])
            #expect(metrics.output.contains("store=\"daybook://127.0.0.1:\(served.port)\""), "\(metrics.output)")
        }
    }

    @Test("appends one event and many, and tells of conflicts and conditions")
    func appends() async throws {
        try await ServedFile.serving(file, by: program) { served in
            let event = ["--stream", "order-1", "--type", "Placed", "--data", "{\"size\":1}", "--expect", "noStream"]
            let first = try await onServer(served, ["append"], event)
            #expect(first.status == 0 && first.output.contains("\"position\":1"), "\(first)")
            let second = try await onServer(served, ["append"], event + ["--command-id", "x"])
            #expect(second.status == 1 && second.errors.contains("read and decide again"), "\(second)")
            let good = #"{"writes":[{"stream":"s","events":[{"type":"T","data":{},"tags":["a"]}]}]}"#
            let bad = #"{"writes":[{"stream":"s","expected":3,"events":[{"type":"T","data":{}}]}]}"#
            let many = try await onServer(
                served, ["append"], ["--requests", "-"], input: String(repeating: good + "\n", count: 500))
            #expect(many.status == 0 && many.output.split(separator: "\n").count == 500, "\(many.errors)")
            let refused = try await onServer(served, ["append"], ["--requests", "-"], input: "\(bad)\n")
            #expect(refused.status == 1, "\(refused)")
            let loose = ["--durability", "may-lose-latest-on-power-loss"]
            #expect(try await onServer(served, ["append"], event + loose).status == 64)
        }
    }

    @Test("moves logs to a server and from it: export, import, copy at both ends")
    func moves() async throws {
        try await fill(file)
        let exported = program.file("shop.ndjson")
        #expect(try await onFile("export", ["--output", exported]).status == 0)
        let (other, back) = (program.file("other.db"), program.file("back.db"))
        try await ServedFile.serving(other, by: program) { served in
            let imported = try await onServer(served, ["import"], ["--from", exported])
            #expect(imported.status == 0 && imported.output.contains("40 streams begun"), "\(imported)")
            let again = try await onServer(served, ["import"], ["--from", exported, "--json"])
            #expect(again.status == 0 && again.output.contains("\"events\":202"), "\(again)")
        }
        let copied = program.file("copied.db")
        try await ServedFile.serving(copied, by: program) { served in
            let there = try await program.run("copy", "--from", "file:\(file)", "--to", served.address)
            #expect(there.status == 0 && there.errors.contains("The two logs are the same"), "\(there)")
            let returned = try await program.run("copy", "--from", served.address, "--to", "file:\(back)")
            #expect(returned.status == 0 && returned.errors.contains("The two logs are the same"), "\(returned)")
            let two = try await program.run("copy", "--from", served.address, "--server", served.address)
            #expect(two.status == 64 && two.errors.contains("--from and --to"), "\(two)")
        }
        let same = try await program.run("copy", "--from", "file:\(file)", "--to", "file:\(back)")
        #expect(same.status == 0 && same.errors.contains("0 events and 0 commands were copied"), "\(same)")
    }

    @Test("checks events against a lock, as on the file")
    func schema() async throws {
        try await fill(file)
        let lock = program.file("schema.lock.json")
        try Data(#"{"events":[]}"#.utf8).write(to: URL(fileURLWithPath: lock))
        let there = try await program.run(["schema", "verify", file, "--lock", lock, "--json"])
        try await ServedFile.serving(file, by: program) { served in
            let here = try await onServer(served, ["schema", "verify"], ["--lock", lock, "--json"])
            #expect(here.status == there.status && here.output == there.output, "\(here) \(there)")
        }
    }

    @Test("has the server look after its store while it serves")
    func upkeep() async throws {
        try await fill(file)
        let backups = program.file("backups")
        try FileManager.default.createDirectory(atPath: backups, withIntermediateDirectories: true)
        let options = ["--insecure", "--backup-folder", backups]
        let dry = try await onFile("scavenge", ["--dry-run", "--ignore-consumers"])
        try await ServedFile.serving(file, by: program, options) { served in
            let figures = try await onServer(served, ["stats"], ["--json"])
            #expect(figures.status == 0 && figures.output.contains("\"writer\":{"), "\(figures)")
            #expect(try await onServer(served, ["stats"]).output.contains("FIGURE"))
            let counted = try await onServer(served, ["scavenge"], ["--dry-run", "--ignore-consumers"])
            #expect(counted.output == dry.output && counted.output.contains("Would remove 7 events"), "\(counted)")
            let removed = try await onServer(served, ["scavenge"], ["--ignore-consumers", "--json"])
            #expect(removed.status == 0 && removed.output.contains("\"events\":7"), "\(removed)")
            let archived = try await onServer(served, ["archive"], ["--through", "50"])
            #expect(archived.status == 0 && archived.output.contains("positions 1 to 50"), "\(archived)")
            let indexed = try await onServer(served, ["reindex"])
            #expect(indexed.status == 0 && indexed.output == "Indexed anew through position 202.\n", "\(indexed)")
            #expect(try await onServer(served, ["verify"]).status == 0)
            for name in ["../shop.db", "/tmp/shop.db", ".hidden", "a b"] {
                let outside = try await onServer(served, ["backup"], [name])
                #expect(outside.status == 1 && outside.errors.contains("no name of a file"), "\(outside)")
            }
        }
    }

    @Test("backs a served store up into the server's folder, and nowhere without one")
    func backup() async throws {
        try await fill(file)
        let backups = program.file("backups")
        try FileManager.default.createDirectory(atPath: backups, withIntermediateDirectories: true)
        try await ServedFile.serving(file, by: program, ["--insecure", "--backup-folder", backups]) { served in
            let made = try await onServer(served, ["backup"], ["shop-1.db"])
            #expect(made.status == 0 && made.output.contains("202 events checked"), "\(made)")
            let again = try await onServer(served, ["backup"], ["shop-1.db"])
            #expect(again.status == 73, "\(again)")
            #expect(try await onServer(served, ["backup"], ["shop-1.db", "--replace", "--json"]).status == 0)
        }
        #expect(try await program.run("verify", "\(backups)/shop-1.db").status == 0)
        try await ServedFile.serving(file, by: program) { served in
            let refused = try await onServer(served, ["backup"], ["shop-1.db"])
            #expect(refused.status == 1 && refused.errors.contains("--backup-folder"), "\(refused)")
        }
    }

    @Test("refuses what makes no sense on a server, and says what to do")
    func exceptions() async throws {
        let address = "daybook://ada:hidden-word@127.0.0.1:9?tls=false"
        for (arguments, said) in [
            (["serve", "--insecure"], "works on a file"), (["salvage", "new.db"], "works on a file"),
            (["bench"], "server's machine"), (["schema", "export", "--lock", "l"], "lock alone"),
            (["copy"], "--from and --to"), (["users", "add", "bob", "--group", "admins"], "write '$admins'"),
            (["read", "--durability", "x"], "Unknown option"),
        ] {
            let outcome = try await program.run(arguments + ["--server", address])
            #expect(outcome.status == 64 && outcome.errors.contains(said), "\(arguments): \(outcome)")
            #expect(!(outcome.errors + outcome.output).contains("hidden-word"), "\(arguments): \(outcome)")
        }
        let file = try await program.run("subscriptions", "list", "shop.db")
        #expect(file.status == 64 && file.errors.contains("run on a server"), "\(file)")
        let other = try await program.run("read", "--server", "localhost:2113")
        #expect(other.status == 64 && other.errors.contains("daybook://HOST:PORT"), "\(other)")
    }

    @Test("names the event of an append whose answer was lost, so that it is appended once")
    func lostAnswer() async throws {
        try await ServedFile.serving(file, by: program) { served in
            let relay = try CuttingRelay(to: served.address)
            defer { relay.close() }
            relay.loseAnswers(to: "lost-words")
            let append = ["append", "--stream", "order-1", "--type", "Placed", "--data", "\"lost-words\""]
            let appending = try program.start(append + ["--server", "daybook://127.0.0.1:\(relay.port)?tls=false"])
            try await eventually("the event is recorded") {
                try await onServer(served, ["read", "--json"]).output.contains("lost-words")
            }
            relay.cut()
            let lost = try await appending.outcome()
            #expect(lost.status == 74 && lost.errors.contains("may or may not be there"), "\(lost)")
            let id = try #require(lost.errors.split(separator: "--id ").last).prefix(36)
            #expect(EventID(String(id)) != nil, "\(lost)")
            let again = try await onServer(served, append, ["--id", String(id)])
            #expect(again.status == 0 && again.output.contains(#""repeat":true"#), "\(again)")
        }
    }

    @Test("ends with 69 when there is no server")
    func unreachable() async throws {
        let outcome = try await program.run("read", "--server", "daybook://127.0.0.1:9?tls=false")
        #expect(outcome.status == 69 && outcome.errors.contains("does not answer"), "\(outcome)")
    }
}
