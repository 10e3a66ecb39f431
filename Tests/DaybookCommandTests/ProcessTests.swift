import DaybookCore
import DaybookSQLite
import Dispatch
import Foundation
import Testing

@testable import DaybookCommand

@Suite("The command as a process")
struct ProcessTests {
    @Test("appends and reads, with exit code 0")
    func appendsAndReads() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        let appended = try await Daybook.run(
            "append", file, "--stream", "order-1", "--type", "Placed", "--data", "{\"price\":1.10}", "--tag", "a:b",
            "--actor", "mia", "--expect", "noStream")
        #expect(appended.status == 0, "\(appended.errors)")
        #expect(appended.output.contains("\"position\":1"))
        let read = try await Daybook.run("read", file, "--stream", "order-1", "--json")
        #expect(read.status == 0)
        #expect(read.output.contains(#""data":{"price":1.10},"metadata":{"$actor":"mia"},"tags":["a:b"]"#))
        let followed = try await Daybook.run("follow", file, "--until-caught-up", "--json")
        #expect(followed.status == 0)
        #expect(followed.output == read.output)
        #expect(followed.errors.contains("caught up at position 1"))
        let table = try await Daybook.run("read", file)
        #expect(table.lines.first?.hasPrefix("POSITION") == true)
        #expect(table.output.contains("order-1@0"))
        #expect(try await Daybook.run("verify", file).status == 0)
        #expect(try await Daybook.run("reindex", file).status == 0)
        #expect(try await Daybook.run("stats", file, "--json").status == 0)
        #expect(try await Daybook.run("streams", file).output.contains("order-1"))
    }

    @Test("tells what is wrong by its exit code, also when nobody reads the rest of the output")
    func unread() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        let store = try await SQLiteEventStore.open(file)
        try await store.append([NewEvent(type: "Counted", data: Array(repeating: 17, count: 1000))], to: "s-1")
        try await store.append([NewEvent(type: "Counted", data: [])], to: "s-2")
        try await store.save(Checkpoint(after: 0), for: "reader")
        await store.close()
        #expect(try await Daybook.runUnread("verify", file) == 0)
        #expect(try await Daybook.runUnread("health", file) == 0)
        #expect(try await Daybook.runUnread("health", file, "--max-behind", "0") == 3)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let place = try #require(bytes.range(of: Data(repeating: 17, count: 1000)))
        bytes[place.lowerBound + 9] ^= 1
        try bytes.write(to: URL(fileURLWithPath: file))
        #expect(try await Daybook.runUnread("verify", file) == 2)
    }

    @Test("tells a conflict by exit code 1, and what to do")
    func conflict() async throws {
        let folder = try TemporaryFolder()
        let outcome = try await Daybook.run(
            "append", folder.file("a.db"), "--stream", "s", "--type", "T", "--expect", "5")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("read and decide again"))
        #expect(outcome.output.isEmpty)
    }

    @Test("acknowledges requests line by line, and exits with 1 when one was not appended")
    func requests() async throws {
        let folder = try TemporaryFolder()
        let good = #"{"writes":[{"stream":"s","events":[{"type":"T","data":{}}]}]}"#
        let all = try await Daybook.run(
            "append", folder.file("a.db"), "--requests", "-", input: String(repeating: good + "\n", count: 500))
        #expect(all.status == 0, "\(all.errors)")
        #expect(all.lines.count == 500)
        let some = try await Daybook.run("append", folder.file("a.db"), "--requests", "-", input: "\(good)\n{\n\(good)")
        #expect(some.status == 1)
        #expect(some.lines.count == 3)
        #expect(some.output.contains("malformedRequest"))
    }

    @Test(
        "tells wrong arguments by exit code 64",
        arguments: [
            ["nonsense"], ["read"], ["read", "x", "--from", "yesterday"], ["read", "x", "--from", "v3"],
            ["read", "x", "--limit", "0"], ["append", "x"], ["append", "x", "--requests", "-", "--stream", "s"],
            ["append", "x", "--stream", "s", "--type", "T", "--expect", "-3"],
            ["import", "x", "--from", "unknown.dat"],
            ["bench", "--workload", "W99"], ["follow", "x", "--after", "-1"],
        ])
    func usage(arguments: [String]) async throws {
        let outcome = await DaybookCommand.status(of: arguments)
        #expect(outcome == 64)
    }

    @Test("tells a missing file by exit code 66, and does not make it")
    func missing() async throws {
        let folder = try TemporaryFolder()
        for verb in ["read", "follow", "streams", "stats", "health", "verify", "reindex", "export"] {
            let outcome = try await Daybook.run(verb, folder.file("none.db"))
            #expect(outcome.status == 66, "\(verb): \(outcome.errors)")
            #expect(outcome.errors.contains("none.db"))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("none.db")))
        let input = try await Daybook.run("import", folder.file("a.db"), "--from", folder.file("none.csv"))
        #expect(input.status == 66)
    }

    @Test("takes file:PATH for the path, whose owner it does not go around, and refuses servers")
    func addresses() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        let store = try await SQLiteEventStore.open(file)
        let second = try await Daybook.run("append", "file:\(file)", "--stream", "s", "--type", "T")
        #expect(second.status == 69 && second.errors.contains("is open in process"), "\(second)")
        await store.close()
        #expect(try await Daybook.run("append", "file:\(file)", "--stream", "s", "--type", "T").status == 0)
        #expect(try await Daybook.run("read", file).output.contains("s@0"))
        for address in ["postgres://localhost/shop", "postgresql://localhost/shop", "jetstream://localhost/shop"] {
            let server = try await Daybook.run("read", address)
            #expect(server.status == 64 && server.errors.contains("--to file:PATH"), "\(server)")
        }
        #expect(await DaybookCommand.status(of: ["read", "file:"]) == 64)
    }

    @Test("tells malformed input by exit code 65, and names the line")
    func malformedInput() async throws {
        let folder = try TemporaryFolder()
        let input = "{\"stream\":\"s\",\"type\":\"T\"}\nnonsense\n"
        let stopped = try await Daybook.run("import", folder.file("a.db"), "--from", "-", input: input)
        #expect(stopped.status == 65)
        #expect(stopped.errors.contains("Line 2"))
        let data = try await Daybook.run(
            "append", folder.file("b.db"), "--stream", "s", "--type", "T", "--data", "{1}")
        #expect(data.status == 65)
        try Data("not gzip".utf8).write(to: URL(fileURLWithPath: folder.file("x.csv.gz")))
        let packed = try await Daybook.run("import", folder.file("c.db"), "--from", folder.file("x.csv.gz"))
        #expect(packed.status == 65)
        let skipped = try await Daybook.run(
            "import", folder.file("d.db"), "--from", "-", "--skip-bad-lines", "--json", input: input)
        #expect(skipped.status == 0)
        #expect(skipped.output.contains("\"skipped\":1"))
    }

    @Test("exports and imports through files")
    func transfers() async throws {
        let folder = try TemporaryFolder()
        _ = try await Daybook.run("append", folder.file("a.db"), "--stream", "s", "--type", "T", "--data", "1.0")
        let exported = try await Daybook.run("export", folder.file("a.db"), "--output", folder.file("a.ndjson"))
        #expect(exported.status == 0)
        #expect(!FileManager.default.fileExists(atPath: folder.file("a.ndjson.partial")))
        for _ in 0..<2 {
            let imported = try await Daybook.run("import", folder.file("b.db"), "--from", folder.file("a.ndjson"))
            #expect(imported.status == 0, "\(imported.errors)")
        }
        #expect(try await Daybook.run("export", folder.file("b.db")).lines.count == 1)
    }

    @Test("tells damage by exit code 2, and where it is")
    func damage() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        // The index is in the file: a store looks at the records behind it when it opens.
        var configuration = SQLiteEventStore.Configuration()
        configuration.indexEntriesInMemory = 8
        let store = try await SQLiteEventStore.open(file, configuration: configuration)
        for data in ["\"first\"", "\"needle-0123456789\"", "\"last\""] {
            try await store.append([NewEvent(type: "T", data: Array(data.utf8))], to: "s-1")
        }
        try await store.reindex()
        await store.close()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let place = try #require(bytes.firstRange(of: Data("needle-01234".utf8)))
        bytes[place.lowerBound] ^= 0x20
        try bytes.write(to: URL(fileURLWithPath: file))
        let verified = try await Daybook.run("verify", file, "--json")
        #expect(verified.status == 2, "\(verified.errors)")
        #expect(verified.output.contains("\"position\":2,\"stream\":\"s-1\""))
        let read = try await Daybook.run("read", file)
        #expect(read.status == 2)
        #expect(read.errors.contains("position 2"))
    }

    @Test("tells a file that another process has open by exit code 69")
    func owned() async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteEventStore.open(folder.file("a.db"))
        let outcome = try await Daybook.run("read", folder.file("a.db"))
        await store.close()
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("process \(ProcessInfo.processInfo.processIdentifier)"))
    }

    @Test("ends a follow on Control-C with exit code 0")
    func interrupted() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        _ = try await Daybook.run("append", file, "--stream", "s", "--type", "T")
        let process = Process()
        process.executableURL = try Daybook.binary()
        process.arguments = ["follow", file, "--json"]
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        let ended = AsyncStream<Int32>.makeStream()
        process.terminationHandler = { ended.continuation.yield($0.terminationStatus) }
        try process.run()
        let said = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: errors.fileHandleForReading.availableData)
            }
        }
        #expect(String(decoding: said, as: UTF8.self).contains("caught up at position 1"))
        process.interrupt()
        for await status in ended.stream {
            #expect(status == 0)
            break
        }
        #expect(process.terminationReason == .exit)
    }

    @Test("explains itself: each verb has examples")
    func help() {
        for verb in DaybookCommand.configuration.subcommands {
            #expect(verb.configuration.discussion.contains("EXAMPLES"), "\(verb)")
            #expect(!verb.configuration.abstract.isEmpty)
        }
        #expect(DaybookCommand.configuration.discussion.contains("EXIT CODES"))
    }
}
