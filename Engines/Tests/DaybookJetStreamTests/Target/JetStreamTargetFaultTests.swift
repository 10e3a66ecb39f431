import BusTesting
import Daybook
import DaybookCore
import Foundation
import StoreTrials
import Testing

@testable import DaybookJetStream

@Suite(
    "The JetStream target, when connections and servers fail", .enabled(if: TestCluster.isThere, TestCluster.skipped),
    .serialized, .timeLimit(.minutes(5)))
struct JetStreamTargetFaultTests {
    @Test("does not store again what was stored when the acknowledgement was lost", arguments: [1, 250])
    func lostAcknowledgement(_ batch: Int) async throws {
        try await Bus.with { bus in
            // Too short for the servers to notice: the target itself must.
            let short = JetStreamStreamSettings(replicas: TestCluster.replicas, duplicateWindow: .milliseconds(100))
            let relay = try CuttingRelay(to: bus.urls)
            defer { relay.close() }
            let target = try bus.target(by: relay.url) {
                $0.creation = short
                $0.batch = batch
                $0.requestTimeout = .milliseconds(500)
            }
            let sending = Sending()
            await target.send(sending.messages(0..<1, streams: Bus.streams))
            for turn in 1...3 {
                relay.loseAnswers()
                async let sent: Void = target.send(sending.messages(turn..<turn + 1, streams: Bus.streams))
                // They are stored, and the target does not know.
                #expect(try await eventually { try await bus.contents().count > turn * Bus.streams.count })
                try await Task.sleep(for: .milliseconds(200))
                relay.cut()
                await sent
            }
            #expect(sending.acknowledged.count == 4 * Bus.streams.count)
            await target.close()
            try await bus.expectAll(4)
            #expect(!bus.troubles.all.isEmpty)
        }
    }

    @Test("stores everything once and in order when its connection is cut again and again", arguments: [1, 10, 250])
    func cut(_ batch: Int) async throws {
        try await Bus.with { bus in
            let relay = try CuttingRelay(to: bus.urls)
            defer { relay.close() }
            let target = try bus.target(by: relay.url) { $0.batch = batch }
            let ids = Dictionary(
                uniqueKeysWithValues: Bus.streams.map { s in (s, (0..<60).map { "\(s)-\($0)" }) })
            let sent = Task {
                for part in 0..<6 {
                    let some = ids.mapValues { Array($0[part * 10..<part * 10 + 10]) }
                    guard await sendAll(some, to: target) else { return false }
                }
                return true
            }
            let cutting = Task {
                while !Task.isCancelled {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 50...250)))
                    relay.cut()
                }
            }
            let isSent = await sent.value
            cutting.cancel()
            #expect(isSent)
            await target.close()
            try await bus.expectAll(60)
        }
    }

    @Test("asks again what is stored when a replica has nothing of what the leader has, and so has not come as far")
    func behind() async throws {
        try await Bus.with { bus in
            let target = try bus.target()
            let configuration = JetStreamTarget.Configuration(
                servers: .init(bus.urls), stream: bus.stream, subjects: bus.subjects)
            let shipment = Shipment(
                stream: try await target.opening.value(), configuration: configuration, heads: HeadCache(capacity: 10))
            let event = Sending.event("a-1", stream: "account-1")
            let message = Sending().message([event], stream: "account-1")
            let lane = OutgoingLane(
                subject: bus.subjects.subject(of: "account-1"),
                entries: [.init(event, of: message, isLast: true, configuration)], head: .unknown)
            let time = try #require(event.time)
            // To a server that has nothing, the leader is what it is to a replica that is behind.
            await #expect(throws: ConnectionFailure.timedOut) {
                try await shipment.identifiers(on: lane, before: .init(sequence: 9, time: time))
            }
            // What came last was taken so long before that the event is not in front of it.
            let before = OutgoingLane.Last(sequence: 9, time: time.advanced(by: .seconds(-3_600)))
            #expect(try await shipment.identifiers(on: lane, before: before) == [])
            await target.close()
        }
    }

    @Test("connects anew when its connection was given up for good, as it is when servers refuse its credentials twice")
    func givenUp() async throws {
        try await Bus.with { bus in
            let target = try bus.target()
            let sending = Sending()
            await target.send(sending.messages(0..<1, streams: Bus.streams))
            // To the target it is the same whether libnats does this.
            let stream = try await target.opening.value()
            await stream.connection.close()
            await target.send(sending.messages(1..<2, streams: Bus.streams))
            #expect(sending.acknowledged.count == Bus.streams.count)
            let again = Sending()
            await target.send(again.messages(1..<2, streams: Bus.streams))
            #expect(again.acknowledged.count == Bus.streams.count)
            await target.close()
            try await bus.expectAll(2)
        }
    }

    @Test(
        "stores everything once and in order when the server is killed and started again",
        .enabled(if: Engine.isThere, Engine.skipped))
    func killedServer() async throws {
        try await Engine.withServers { engine, urls in
            let bus = try Bus(on: urls, replicas: 1)
            let target = try bus.target()
            let ids = Dictionary(
                uniqueKeysWithValues: Bus.streams.map { s in (s, (0..<300).map { "\(s)-\($0)" }) })
            let done = Box(0)
            let sent = Task {
                for part in 0..<30 {
                    let some = ids.mapValues { Array($0[part * 10..<part * 10 + 10]) }
                    guard await sendAll(some, to: target, rounds: 600) else { return false }
                    done.change { $0 += 1 }
                }
                return true
            }
            for turn in 1...2 {
                #expect(try await eventually { done.value >= turn * 8 })
                try engine.run(turn == 1 ? "kill" : "stop-node", "1")
                try engine.run("start-node", "1")
                try engine.run("wait")
            }
            #expect(await sent.value)
            await target.close()
            try await bus.expectAll(300)
        }
    }

    @Test("skips nothing, keeps the order and stores nothing twice when its process is killed")
    func killed() async throws {
        try await Bus.with { bus in
            let ledger = NSTemporaryDirectory() + "acknowledged-\(bus.stream)"
            defer { try? FileManager.default.removeItem(atPath: ledger) }
            // The process shares the streams out over three partitions.
            let subjects = try JetStreamSubjects(prefix: bus.subjects.prefix, partitions: 3)
            var kills = 0
            while true {
                let process = try UntilKilled.start(
                    "JetStreamUntilKilled", "send", bus.urls, bus.stream, subjects.prefix, ledger, "8", "400")
                let before = UntilKilled.lines(ledger)
                if kills < 4 {
                    #expect(try await eventually { UntilKilled.lines(ledger) > before + 150 || !process.isRunning })
                    if process.isRunning { kills += 1 }
                    kill(process.processIdentifier, SIGKILL)
                    process.waitUntilExit()
                } else {
                    #expect(try await eventually { !process.isRunning })
                    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
                    #expect(process.terminationStatus == 0)
                    break
                }
            }
            #expect(kills > 0)
            let ids = try await bus.ids()
            for stream in (0..<8).map({ "stream-\($0)" }) {
                #expect(ids[subjects.subject(of: stream)] == (0..<400).map { "\(stream)-\($0)" })
            }
        }
    }
}
