import BusTesting
import Daybook
import Foundation
import StoreTrials
import Testing

@testable import DaybookJetStream

@Suite(
    "The JetStream source, in a group that changes and on connections that break",
    .enabled(if: TestCluster.isThere, TestCluster.skipped), .serialized, .timeLimit(.minutes(5)))
struct JetStreamSourceFaultTests {
    /// What the members of a group took, in the order in which it was taken.
    private static func expectOrder(_ ids: [String], count: Int, streams: [String] = Bus.streams) {
        var seen: Set<String> = []
        var firsts: [String: [String]] = [:]
        for id in ids where seen.insert(id).inserted {
            firsts[id.split(separator: "-").dropLast().joined(separator: "-"), default: []].append(id)
        }
        for stream in streams { #expect(firsts[stream] == (0..<count).map { "\(stream)-\($0)" }, "\(stream)") }
    }

    @Test("shares lanes with a second member; when that goes, its lanes come back, and nothing comes twice")
    func group() async throws {
        try await Bus.with { bus in
            try await bus.make()
            let log = Box<[String]>([])
            let members = [Taking(), Taking()]
            func start(_ number: Int) throws -> Task<Void, any Error> {
                let source = try bus.source { $0.batch = 10 }
                let taking = members[number]
                return Task {
                    try await source.run { batch in
                        let ids = batch.messages.compactMap { try? $0.content.get().id }
                        log.change { $0 += ids }
                        taking.note(batch)
                    }
                }
            }
            let first = try start(0)
            let second = try start(1)
            // A lane goes to whoever asks first when an event comes; until both have one.
            var sent = 0
            #expect(
                try await eventually {
                    try await bus.send(sent..<sent + 5)
                    sent += 5
                    let count = sent * Bus.streams.count
                    guard try await eventually({ log.value.count >= count }) else { return false }
                    if !members[0].ids.isEmpty, !members[1].ids.isEmpty { return true }
                    // Gives its lanes back, of which the other one gets some.
                    for partition in 0..<4 where Int.random(in: 0...1) == 0 {
                        try await bus.api(
                            "CONSUMER.UNPIN.\(bus.stream).ledger-0\(partition)", "{\"group\":\"daybook\"}")
                    }
                    return false
                })
            second.cancel()
            try await second.value
            try await bus.send(sent..<sent + 20)
            sent += 20
            #expect(try await eventually { Set(log.value).count == sent * Bus.streams.count })
            first.cancel()
            try await first.value
            Self.expectOrder(log.value, count: sent)
            #expect(log.value.count == sent * Bus.streams.count)
        }
    }

    @Test("takes over from a member that is silent, first of all what that had in hand")
    func silent() async throws {
        try await Bus.with(partitions: 2) { bus in
            try await bus.make()
            let relay = try CuttingRelay(to: bus.urls)
            let log = Box<[String]>([])
            let isStuck = Box(0)
            let first = Task {
                try await bus.source(by: relay.url) { $0.batch = 10 }.run { batch in
                    let ids = batch.messages.compactMap { try? $0.content.get().id }
                    if log.value.count > 50 {
                        isStuck.change { $0 += 1 }
                        try await Task.sleep(for: .seconds(300))
                    }
                    log.change { $0 += ids }
                }
            }
            try await bus.send(0..<30)
            #expect(try await eventually { isStuck.value == 2 })
            let second = Task {
                try await bus.source { $0.batch = 10 }.run { batch in
                    let ids = batch.messages.compactMap { try? $0.content.get().id }
                    log.change { $0 += ids }
                }
            }
            // Nobody hears of the first one any more.
            relay.close()
            try await bus.send(30..<40)
            #expect(try await eventually { Set(log.value).count == 40 * Bus.streams.count })
            // Its handlers were cancelled.
            #expect(
                try await eventually { bus.troubles.all.contains { if case .takenOver = $0 { true } else { false } } })
            for task in [first, second] {
                task.cancel()
                try await task.value
            }
            Self.expectOrder(log.value, count: 40)
        }
    }

    @Test("leaves the present holder its lane, and its place, when a former one ends")
    func formerHolder() async throws {
        try await Bus.with(partitions: 1) { bus in
            try await bus.make()
            let relay = try CuttingRelay(to: bus.urls)
            defer { relay.close() }
            let isStuck = Box(false)
            let first = Task {
                try await bus.source(by: relay.url) { $0.batch = 10 }.run { _ in
                    isStuck.change { $0 = true }
                    // A handler that is slow to end.
                    await Task { try? await Task.sleep(for: .seconds(8)) }.value
                }
            }
            try await bus.send(0..<5)
            #expect(try await eventually { isStuck.value })
            let log = Box<[String]>([])
            let isFirstOver = Box(false)
            let second = Task {
                try await bus.source { $0.batch = 10 }.run { batch in
                    let ids = batch.messages.compactMap { try? $0.content.get().id }
                    log.change { $0 += ids }
                    // With something in hand when the first one ends.
                    while log.value.count > 20, !isFirstOver.value { try await Task.sleep(for: .milliseconds(10)) }
                }
            }
            relay.loseAnswers()
            #expect(try await eventually { log.value.count > 20 })
            // It hears of the servers again, and is ended before it knows that the lane is another's.
            relay.cut()
            first.cancel()
            _ = try? await first.value
            isFirstOver.change { $0 = true }
            try await bus.send(5..<10)
            #expect(try await eventually { log.value.count >= 10 * Bus.streams.count })
            second.cancel()
            try await second.value
            #expect(log.value.count == 10 * Bus.streams.count, "the second one was given nothing twice")
            Self.expectOrder(log.value, count: 10)
        }
    }

    @Test("loses nothing and keeps the order when its connection is cut again and again")
    func cut() async throws {
        try await Bus.with { bus in
            try await bus.make()
            let relay = try CuttingRelay(to: bus.urls)
            defer { relay.close() }
            let log = Box<[String]>([])
            let running = Task {
                try await bus.source(by: relay.url) { $0.batch = 7 }.run { batch in
                    let ids = batch.messages.compactMap { try? $0.content.get().id }
                    log.change { $0 += ids }
                }
            }
            let cutting = Task {
                // Often enough to meet every step, and not for ever: a lane needs a moment to be taken up again.
                for _ in 0..<20 {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 20...600)))
                    relay.cut()
                }
            }
            for part in 0..<10 { try await bus.send(part * 20..<part * 20 + 20) }
            #expect(try await eventually { Set(log.value).count == 200 * Bus.streams.count })
            cutting.cancel()
            running.cancel()
            try await running.value
            Self.expectOrder(log.value, count: 200)
        }
    }

    @Test("moves the place of a lane without messages on, also after its connection was cut")
    func idleAfterCut() async throws {
        try await Bus.with { bus in
            try await bus.send(0..<1)
            let relay = try CuttingRelay(to: bus.urls)
            defer { relay.close() }
            let lane = bus.subjects.partition(of: try #require(Bus.streams.first))
            let others = Bus.streams.filter { bus.subjects.partition(of: $0) != lane }
            let taking = Taking()
            let running = Task {
                try await bus.source(by: relay.url) { $0.moveEvery = .milliseconds(100) }.run { taking.note($0) }
            }
            #expect(try await eventually { Set(taking.ids).count == Bus.streams.count })
            relay.cut()
            let name = "\(bus.stream)/0\(lane)"
            #expect(
                try await eventually {
                    bus.troubles.all.contains { if case .troubled(name, _) = $0 { true } else { false } }
                })
            let target = try bus.target()
            let sending = Sending()
            await target.send(sending.messages(1..<20, streams: others))
            await target.close()
            #expect(
                try await eventually {
                    let info: LaneConsumer.Info = try await bus.withConnection {
                        try await $0.api("CONSUMER.INFO.\(bus.stream).ledger-0\(lane)", timeout: .seconds(5))
                    }
                    return info.floor == Int64(Bus.streams.count + 19 * others.count)
                })
            running.cancel()
            try await running.value
        }
    }

    @Test("waits for what it took to be noted when the answer is lost")
    func lostAnswer() async throws {
        try await Bus.with(partitions: 1) { bus in
            try await bus.make()
            let relay = try CuttingRelay(to: bus.urls)
            defer { relay.close() }
            let log = Box<[String]>([])
            let running = Task {
                try await bus.source(by: relay.url) {
                    $0.batch = 10
                    $0.requestTimeout = .milliseconds(300)
                }.run { batch in
                    let ids = batch.messages.compactMap { try? $0.content.get().id }
                    if log.value.count < 60, log.value.count + ids.count >= 60 { relay.loseAnswers() }
                    log.change { $0 += ids }
                }
            }
            try await bus.send(0..<10)
            #expect(
                try await eventually { bus.troubles.all.contains { if case .notNoted = $0 { true } else { false } } })
            relay.cut()
            #expect(try await eventually { Set(log.value).count == 10 * Bus.streams.count })
            running.cancel()
            try await running.value
            Self.expectOrder(log.value, count: 10)
            // What was taken is noted: nothing comes again.
            try await bus.send(10..<11)
            let more = Taking()
            #expect(
                try await run(try bus.source(), until: { more.messages.count >= Bus.streams.count }) { more.note($0) })
            #expect(more.messages.count == Bus.streams.count)
        }
    }

    @Test("goes on when an acknowledgement of a former holder spoils those of the present one")
    func spoiled() async throws {
        try await Bus.with(partitions: 1) { bus in
            let log = Box<[String]>([])
            try await bus.send(0..<10)
            let running = Task {
                try await bus.source { $0.batch = 10 }.run { batch in
                    let ids = batch.messages.compactMap { try? $0.content.get().id }
                    log.change { $0 += ids }
                }
            }
            #expect(try await eventually { log.value.count == 10 * Bus.streams.count })
            // From before the consumer was moved last: a delivery whose number is far ahead.
            try await bus.withConnection { connection in
                // The server takes it without an answer.
                _ = try? await connection.request(
                    [
                        OutgoingMessage(
                            subject: "$JS.ACK.\(bus.stream).ledger-00.1.121.5000.1.0", body: Array("+ACK".utf8))
                    ], timeout: .milliseconds(500)
                ) { _ in .success(true) }
            }
            try await bus.send(10..<20)
            #expect(try await eventually { log.value.count >= 20 * Bus.streams.count })
            // In the end it is noted all the same.
            #expect(
                try await eventually {
                    let info: LaneConsumer.Info = try await bus.withConnection {
                        try await $0.api("CONSUMER.INFO.\(bus.stream).ledger-00", timeout: .seconds(5))
                    }
                    return info.floor == Int64(20 * Bus.streams.count)
                })
            running.cancel()
            try await running.value
            Self.expectOrder(log.value, count: 20)
        }
    }

    @Test(
        "loses nothing and keeps the order when the server is killed and started again",
        .enabled(if: Engine.isThere, Engine.skipped))
    func killedServer() async throws {
        try await Engine.withServers { engine, urls in
            let bus = try Bus(on: urls, replicas: 1)
            let log = Box<[String]>([])
            try await bus.send(0..<100)
            let running = Task {
                try await bus.source { $0.batch = 10 }.run { batch in
                    try await Task.sleep(for: .milliseconds(5))
                    let ids = batch.messages.compactMap { try? $0.content.get().id }
                    log.change { $0 += ids }
                }
            }
            for turn in 1...2 {
                #expect(try await eventually { log.value.count >= turn * 300 })
                try engine.run(turn == 1 ? "kill" : "stop-node", "1")
                try engine.run("start-node", "1")
                try engine.run("wait")
            }
            #expect(try await eventually { Set(log.value).count == 100 * Bus.streams.count })
            running.cancel()
            try await running.value
            Self.expectOrder(log.value, count: 100)
        }
    }

    @Test("gives again what was taken and not noted when its process is killed, and in order")
    func killed() async throws {
        try await Bus.with(partitions: 3) { bus in
            let ledger = NSTemporaryDirectory() + "taken-\(bus.stream)"
            defer { try? FileManager.default.removeItem(atPath: ledger) }
            try await bus.send(0..<100)
            func taken() -> [String] {
                String(decoding: FileManager.default.contents(atPath: ledger) ?? Data(), as: UTF8.self)
                    .split(separator: "\n").map { String($0.split(separator: " ").last!) }
            }
            let all = Set(Bus.streams.flatMap { stream in (0..<100).map { "\(stream)-\($0)" } })
            var kills = 0
            while Set(taken()) != all, kills < 10 {
                let process = try UntilKilled.start(
                    "JetStreamUntilKilled", "take", bus.urls, bus.stream, bus.subjects.prefix, ledger)
                let before = UntilKilled.lines(ledger)
                #expect(
                    try await eventually {
                        UntilKilled.lines(ledger) > before + 300 || Set(taken()) == all || !process.isRunning
                    })
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
                kills += 1
            }
            #expect(kills > 1)
            Self.expectOrder(taken(), count: 100)
        }
    }
}
