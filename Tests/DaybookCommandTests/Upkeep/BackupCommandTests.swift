import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@testable import DaybookCommand

@Suite("daybook backup")
struct BackupCommandTests {
    private func fill(_ file: String, events: Int = 20_000) async throws -> SQLiteEventStore {
        let store = try await SQLiteEventStore.open(file)
        for _ in 0..<events / 1000 {
            try await store.append(
                (0..<1000).map { _ in NewEvent(type: "Counted", data: Array(repeating: 7, count: 1500)) },
                to: "filled-1")
        }
        return store
    }

    private func status(of file: String) throws -> [String] {
        try ["", "-wal"].map { end in
            let attributes = try FileManager.default.attributesOfItem(atPath: file + end)
            return "\(attributes[.size] ?? "") \(attributes[.modificationDate] ?? "")"
        }
    }

    @Test("copies a store that nobody has open, and one that another process has, which it does not touch")
    func copies() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        let store = try await fill(file, events: 3000)
        _ = try await store.statistics()  // What the writer does behind its answers is done then.
        let before = try status(of: file)
        let beside = try await Daybook.run("backup", file, folder.file("b.db"), "--json")
        #expect(beside.status == 0, "\(beside.errors)")
        #expect(beside.output.contains(#""eventsVerified":3000,"head":3000"#), "\(beside.output)")
        #expect(try status(of: file) == before)
        try await store.append([NewEvent(type: "Counted", data: [])], to: "filled-1")
        await store.close()
        let again = try await Daybook.run("backup", file, folder.file("b.db"))
        #expect(again.status == 73)
        let alone = try await Daybook.run("backup", file, folder.file("b.db"), "--replace")
        #expect(alone.status == 0 && alone.output.contains("position 3001"), "\(alone.errors)")
        #expect(try await Daybook.run("verify", folder.file("b.db")).status == 0)
        #expect(try await Daybook.run("verify", file).status == 0)
    }

    @Test("copies a store that another process is writing to")
    func whileAnotherWrites() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        let destination = folder.file("b.db")
        let store = try await fill(file)
        let outcome = try await withThrowingTaskGroup(of: Daybook.Outcome?.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    while !Task.isCancelled {
                        _ = try? await store.append(
                            [NewEvent(type: "Counted", data: [])], to: StreamName(unchecked: "writer-\(writer)"))
                    }
                    return nil
                }
            }
            group.addTask { try await Daybook.run("backup", file, destination, "--json") }
            while let outcome = try await group.next() {
                if let outcome {
                    group.cancelAll()
                    return outcome
                }
            }
            throw CancellationError()
        }
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try await store.verify().isSound)
        let head = try await store.head()
        await store.close()
        let copy = try await SQLiteEventStore.open(destination)
        let copied = try await copy.head()
        #expect((20_000..<head.rawValue).contains(copied.rawValue))
        await copy.close()
    }

    /// Runs a backup, and kills it when its copy has so many bytes.
    ///
    /// - Returns: Whether it was killed; it may have been faster.
    private func killBackup(of file: String, to destination: String, in folder: TemporaryFolder, atBytes least: Int)
        throws -> Bool
    {
        let before = try Set(FileManager.default.contentsOfDirectory(atPath: folder.path))
        let process = Process()
        process.executableURL = try Daybook.binary()
        process.arguments = ["backup", file, destination, "--replace"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        while process.isRunning {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            let partial = names.first {
                !before.contains($0) && $0.contains(".partial-") && !$0.hasSuffix("-owner")
            }
            let attributes = partial.flatMap { try? FileManager.default.attributesOfItem(atPath: folder.file($0)) }
            guard let bytes = (attributes?[.size] as? NSNumber)?.intValue, bytes >= least else { continue }
            kill(process.processIdentifier, SIGKILL)
            break
        }
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal
    }

    @Test("killed at any point leaves the destination as it was, and the next one clears up", .timeLimit(.minutes(5)))
    func killed() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        let destination = folder.file("b.db")
        let store = try await fill(file)
        let older = Data("an older backup".utf8)
        let size = 30_000_000
        // On a busy machine it may be over before it is looked at, or in its place before the signal comes.
        var kills = 0
        var attempts = 0
        while kills < 8, attempts < 80, !Task.isCancelled {
            attempts += 1
            try older.write(to: URL(fileURLWithPath: destination))
            let isKilled = try killBackup(of: file, to: destination, in: folder, atBytes: size / 7 * kills)
            if try Data(contentsOf: URL(fileURLWithPath: destination)) == older {
                #expect(isKilled, "It ended, and the destination is as it was.")
                kills += 1
            } else {
                let check = try await Daybook.run("verify", destination)
                #expect(check.status == 0, "\(check.errors)")
            }
        }
        #expect(kills == 8, "of \(attempts)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.contains { $0.contains(".partial-") }, "A killed backup has left what it had.")
        let last = try await Daybook.run("backup", file, destination, "--replace", "--json")
        #expect(last.status == 0 && last.output.contains(#""head":20000"#), "\(last.errors)")
        #expect(
            !(try FileManager.default.contentsOfDirectory(atPath: folder.path)).contains { $0.contains(".partial-") })
        await store.close()
    }

    @Test("tells a damaged store by exit code 2 and its position, and copies it unchecked when told to")
    func damage() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        let store = try await fill(file, events: 1000)
        try await store.append([NewEvent(type: "Counted", data: Array("needle-0123456789".utf8))], to: "n-1")
        try await store.append([NewEvent(type: "Counted", data: [1])], to: "n-1")
        await store.close()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        let place = try #require(bytes.range(of: Data("needle-01234".utf8)))
        bytes[place.lowerBound] ^= 0x20
        try bytes.write(to: URL(fileURLWithPath: file))
        let refused = try await Daybook.run("backup", file, folder.file("b.db"))
        #expect(refused.status == 2 && refused.errors.contains("position 1001"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.file("b.db")))
        let unchecked = try await Daybook.run("backup", file, folder.file("b.db"), "--skip-verification")
        #expect(unchecked.status == 0 && unchecked.output.contains("not checked"), "\(unchecked.errors)")
        #expect(try await Daybook.run("backup", folder.file("none.db"), folder.file("c.db")).status == 66)
    }
}
