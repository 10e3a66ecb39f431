import CFaultFileSystem
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

/// Each storage call of a scavenging run is the last one once: the process dies there, or the power goes off.
@Suite("After a death at any storage call of scavenging")
struct ScavengePowerCutTests {
    private static let options: ScavengeOptions = {
        var options = ScavengeOptions()
        options.eventsPerTransaction = 9
        options.compacts = true
        return options
    }()

    /// Five streams of 20 events each, of which three have hidden ones, with records that go beyond a page.
    private func fill(_ path: String, _ time: DrivenTime) async throws -> ServedLog {
        var configuration = SQLiteEventStore.Configuration.faulty(nil, indexEntriesInMemory: 200)
        configuration.time = time.source
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        for number in 0..<20 {
            var request = AppendRequest(commandID: try CommandID("command \(number)"))
            for stream in 0..<5 {
                let data = [UInt8](repeating: UInt8(number), count: stream == 1 && number % 8 == 0 ? 5000 : 100)
                request.append(
                    [NewEvent(type: "Counted", data: data, tags: ["all"])], to: StreamName(unchecked: "s-\(stream)"))
            }
            try await store.append(request)
        }
        try await store.setRetention(Retention(maxCount: 3), of: "s-1")
        try await store.setRetention(Retention(truncateBefore: 12), of: "s-2")
        try await store.delete("s-3")
        let log = try await ServedLog(store, commands: (0..<20).map { CommandID(unchecked: "command \($0)") })
        await store.close()
        return log
    }

    @Test(
        "what is hidden is gone or there, all else is there, and another run does the rest",
        arguments: [
            FaultCall.write, .sync,
        ])
    func anyCall(_ call: FaultCall) async throws {
        let time = DrivenTime()
        let base = try TemporaryDirectory()
        let log = try await fill(base.path("log.daybook"), time)
        let hidden = log.hidden(now: time.now)
        #expect(hidden.count == 17 + 12 + 19)
        var generator = SeededGenerator(seed: FaultSeed.value)
        let step = FaultSeed.states >= 1_000 ? 1 : call == .write ? 5 : 2
        var first = Int.random(in: 1...step, using: &generator)
        var (deaths, halves) = (0, 0)
        while true {
            let directory = try TemporaryDirectory()
            try FileManager.default.copyItem(
                atPath: base.path("log.daybook"), toPath: directory.path("log.daybook"))
            let disk = try FaultyDisk()
            disk.breakCall(call, first: first, effect: .powerOff, length: Int.random(in: 0...4096, using: &generator))
            if let store = try? await SQLiteEventStore.open(
                directory.path("log.daybook"), configuration: .faulty(disk, indexEntriesInMemory: 40))
            {
                _ = try? await store.scavenge(Self.options)
                await store.close()
            }
            let isOver = !disk.isOff
            disk.cutPower()
            for survival in isOver ? [FaultSurvival.all] : [.all, .none, .random] {
                let survivors = try TemporaryDirectory()
                try disk.copySurviving(to: survivors.url, survival, seed: generator.next())
                let state = Comment(rawValue: "\(call) \(first), \(survival), seed \(FaultSeed.value)")
                let store = try await SQLiteEventStore.open(survivors.path("log.daybook"))
                let left = Set(try await ServedLog(store).events.map(\.position))
                let removed = Set(log.events.map(\.position)).subtracting(left)
                #expect(removed.isSubset(of: hidden), state)
                #expect(try await log.differences(in: store, without: removed, now: time.now).isEmpty, state)
                #expect(try await store.verify().findings.isEmpty, state)
                if !removed.isEmpty, removed != hidden { halves += 1 }
                let report = try await store.scavenge()
                #expect(Int(report.events) == hidden.count - removed.count, state)
                try await store.reindex()
                #expect(try await log.differences(in: store, without: hidden, now: time.now).isEmpty, state)
                #expect(try await store.verify().findings.isEmpty, state)
                await store.close()
            }
            if isOver { break }
            deaths += 1
            first += step
        }
        #expect(deaths > 4 && halves > 2, "\(deaths) deaths, \(halves) of them in the middle")
    }
}
