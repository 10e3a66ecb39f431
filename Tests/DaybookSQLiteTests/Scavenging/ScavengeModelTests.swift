import DaybookCore
import DaybookSQLite
import DaybookTesting
import Testing

/// Random appends, truncations and deletions with scavenging between them: what is read afterwards is what was read
/// before, without what was removed; and what was removed is what no reader of a stream saw.
@Suite("Scavenging, over random requests and openings", .timeLimit(.minutes(5)))
struct ScavengeModelTests {
    private struct Run {
        var store: SQLiteEventStore
        let time: DrivenTime
        let configuration: SQLiteEventStore.Configuration
        var generator: SeededGenerator
        var commands: [CommandID] = []
        var appends = 0
        var removed = 0
        var differences: [String] = []

        private static let streams: [StreamName] = ["order-1", "order-2", "cash-1", "cash-2", "single"]

        private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

        mutating func step() async throws {
            time.advance(by: .milliseconds(number(0...3)))
            switch number(0...20) {
            case 0...8: try await append()
            case 9...11: try await hide()
            case 12: _ = try? await store.delete(anyStream())
            case 13: if number(0...3) == 0 { _ = try? await store.tombstone("single") }
            case 14...16: try await scavenge()
            case 17: try await store.reindex()
            case 18: try await reopen()
            case 19: try await archive()
            default: try await compare("a read")
            }
        }

        private mutating func anyStream() -> StreamName { Self.streams[number(0...Self.streams.count - 1)] }

        private mutating func append() async throws {
            var request = AppendRequest()
            if number(0...2) == 0 {
                request.commandID = try CommandID("command \(appends)")
                commands += [request.commandID].compactMap { $0 }
            }
            appends += 1
            for stream in Self.streams.shuffled(using: &generator).prefix(number(1...3)) {
                let events = (0..<number(1...6)).map { _ in
                    NewEvent(
                        type: ["placed", "filled"][number(0...1)], data: Array(repeating: 7, count: number(0...300)),
                        tags: [["owner:1"], ["owner:2"], ["owner:1", "share:7"], []][number(0...3)])
                }
                request.append(events, to: stream)
            }
            do { try await store.append(request) } catch {
                guard case .streamTombstoned = error else { throw error }
            }
        }

        private mutating func hide() async throws {
            let stream = anyStream()
            let last = try await store.state(of: stream).lastVersion?.rawValue ?? 0
            let retention =
                switch number(0...4) {
                case 0: Retention(maxCount: Int64(number(1...5)))
                case 1: Retention(maxAge: .milliseconds(number(1...20)))
                case 2: Retention.unlimited
                default: Retention(truncateBefore: StreamVersion(Int64(number(0...Int(last) + 2))))
                }
            do { try await store.setRetention(retention, of: stream) } catch {
                guard case .streamTombstoned = error else { throw error }
            }
        }

        private mutating func scavenge() async throws {
            let before = try await ServedLog(store, commands: commands)
            let head = try await store.head().rawValue
            var options = ScavengeOptions()
            options.eventsPerTransaction = number(1...20)
            if number(0...2) == 0 { options.through = Position(Int64(number(0...Int(head)))) }
            options.compacts = number(0...5) == 0
            let hidden = before.hidden(through: options.through?.rawValue ?? .max, now: time.now)
            var dryRun = options
            dryRun.isDryRun = true
            let foretold = try await store.scavenge(dryRun)
            if foretold.events != hidden.count { differences.append("\(foretold) of \(hidden)") }
            let report = try await store.scavenge(options)
            if report.events != foretold.events || report.bytes != foretold.bytes || report.streams != foretold.streams
            {
                differences.append("\(report), not \(foretold)")
            }
            removed += hidden.count
            differences += try await before.differences(in: store, without: hidden, now: time.now)
            try await verify()
            if try await store.scavenge(options).events != 0 { differences.append("something was left") }
        }

        private mutating func archive() async throws {
            let before = try await ServedLog(store, commands: commands)
            try await store.archive(through: Position(Int64(number(0...Int(try await store.head().rawValue)))))
            differences += try await before.differences(in: store, now: time.now).map { "archived: \($0)" }
            try await verify()
        }

        private mutating func reopen() async throws {
            let before = try await ServedLog(store, commands: commands)
            await store.close()
            store = try await SQLiteEventStore.open(store.path, configuration: configuration)
            differences += try await before.differences(in: store, now: time.now)
        }

        mutating func compare(_ what: String) async throws {
            let log = try await ServedLog(store, commands: commands)
            differences += try await log.differences(in: store, now: time.now).map { "\(what): \($0)" }
        }

        mutating func verify() async throws {
            let report = try await store.verify()
            differences += report.findings.map(\.description)
            if report.scavenged != removed { differences.append("\(report.scavenged) of \(removed) are told removed") }
            if try await store.statistics().scavenged != removed {
                differences.append("the statistics tell another count")
            }
        }
    }

    @Test("leaves every read as it was without what was removed", arguments: TestSeeds.first(8), [30, 200_000])
    func model(seed: UInt64, indexEntriesInMemory: Int) async throws {
        let folder = try TemporaryFolder()
        let time = DrivenTime()
        var configuration = SQLiteEventStore.Configuration()
        configuration.indexEntriesInMemory = indexEntriesInMemory
        configuration.time = time.source
        let store = try await SQLiteEventStore.open(folder.path("log.daybook"), configuration: configuration)
        var run = Run(
            store: store, time: time, configuration: configuration, generator: SeededGenerator(seed: seed))
        for step in 0..<60 {
            try await run.step()
            try #require(run.differences.isEmpty, "step \(step), seed \(seed)")
        }
        try await run.verify()
        #expect(run.differences.isEmpty, "seed \(seed)")
        #expect(run.removed > 0, "Something must have been removed. Seed \(seed)")
        await run.store.close()
    }
}
