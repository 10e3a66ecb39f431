import BusTesting
import Daybook
import DaybookCore
import Foundation
import Testing

@testable import DaybookJetStream

@Suite(
    "The JetStream target", .enabled(if: TestCluster.isThere, TestCluster.skipped), .serialized, .timeLimit(.minutes(5))
)
struct JetStreamTargetTests {
    @Test("writes the binary form: attributes in percent-encoded headers, the data as the body")
    func binary() async throws {
        try await Bus.with { bus in
            let target = try bus.target()
            let sending = Sending()
            var event = Sending.event("e-1", stream: "account-42")
            event.extensions["note"] = "Euro € \"5\"\r\n"
            await target.send([sending.message([event], stream: "account-42")])
            await target.close()
            #expect(sending.answer("e-1") == .acknowledged)
            let message = try #require(try await bus.contents().first)
            #expect(message.subject == bus.subjects.subject(of: "account-42"))
            #expect(message.subject.hasSuffix(".account.42"))
            #expect(message.body == event.data)
            #expect(message.header("ce-specversion") == "1.0")
            #expect(message.header("ce-id") == "e-1")
            #expect(message.header("ce-datacontenttype") == "application/json")
            #expect(message.header("ce-note") == "Euro%20%E2%82%AC%20%225%22%0D%0A")
            #expect(message.header("Nats-Msg-Id") == "\(bus.subjects.prefix) /shop e-1")
        }
    }

    @Test("writes the structured form: one JSON object under its content type")
    func structured() async throws {
        try await Bus.with { bus in
            let target = try bus.target(form: .structured)
            let sending = Sending()
            let event = Sending.event("e-1", stream: "account-42")
            await target.send([sending.message([event], stream: "account-42")])
            await target.close()
            let message = try #require(try await bus.contents().first)
            #expect(message.header("content-type") == "application/cloudevents+json")
            #expect(message.header("ce-id") == nil)
            #expect(try CloudEvent(json: message.body) == event)
        }
    }

    @Test("stores the events of many streams in order, whatever the size of batches", arguments: [1, 7, 250])
    func order(_ batch: Int) async throws {
        try await Bus.with { bus in
            let target = try bus.target { $0.batch = batch }
            let sending = Sending()
            await target.send(sending.messages(0..<30, streams: Bus.streams))
            async let others: Void = target.send(sending.messages(0..<30, streams: ["other-1", "other-2"]))
            await target.send(sending.messages(30..<60, streams: Bus.streams))
            await others
            await target.close()
            #expect(sending.acknowledged.count == 60 * Bus.streams.count + 60)
            try await bus.expectAll(60)
            try await bus.expectAll(30, streams: ["other-1", "other-2"])
            #expect(bus.troubles.all == [])
        }
    }

    @Test("acknowledges a message of several events when the last of them is stored")
    func pieces() async throws {
        try await Bus.with { bus in
            let target = try bus.target { $0.batch = 3 }
            let sending = Sending()
            let pieces = (0..<10).map { Sending.event("split.\($0)", stream: "account-1") }
            await target.send([
                sending.message(pieces, stream: "account-1"), sending.message("next", stream: "account-1"),
            ])
            await target.close()
            #expect(sending.answers.map(\.id) == ["split.0", "next"])
            #expect(
                try await bus.ids()[bus.subjects.subject(of: "account-1")] == (0..<10).map { "split.\($0)" } + ["next"])
        }
    }

    @Test("does not store again what is stored, also when the servers have forgotten its identifier")
    func repeated() async throws {
        try await Bus.with { bus in
            let short = JetStreamStreamSettings(replicas: TestCluster.replicas, duplicateWindow: .milliseconds(100))
            for _ in 0..<3 {
                let target = try bus.target { $0.creation = short }
                let sending = Sending()
                await target.send(sending.messages(0..<20, streams: Bus.streams))
                await target.close()
                #expect(sending.acknowledged.count == 20 * Bus.streams.count)
                // Until the window is over.
                try await Task.sleep(for: .milliseconds(300))
            }
            // A publisher that goes on somewhere before the end, in calls that are cut in other ways.
            for range in [7..<9, 3..<15, 15..<25] {
                let target = try bus.target { $0.creation = short }
                let sending = Sending()
                await target.send(sending.messages(range, streams: Bus.streams))
                await target.close()
                #expect(sending.acknowledged.count == range.count * Bus.streams.count)
            }
            try await bus.expectAll(25)
        }
    }

    @Test(
        "stores an event of an earlier position than the last one when it is not stored: two publishers of one source")
    func twoPublishers() async throws {
        try await Bus.with { bus in
            for id in ["account-1-10", "account-1-7", "account-1-12", "account-1-3"] {
                let target = try bus.target()
                let sending = Sending()
                await target.send([sending.message(id, stream: "account-1")])
                await target.close()
                #expect(sending.acknowledged == [id])
            }
            let ids = try await bus.ids()[bus.subjects.subject(of: "account-1")]
            #expect(ids == ["account-1-10", "account-1-7", "account-1-12", "account-1-3"])
        }
    }

    @Test("does not store again what somebody else published behind, as long as the servers know its identifier")
    func known() async throws {
        try await Bus.with { bus in
            try await bus.send(0..<10)
            let subject = bus.subjects.subject(of: "account-3")
            try await bus.withConnection { connection in
                _ = try await connection.publishAcknowledged(
                    [OutgoingMessage(subject: subject, headers: [("ce-id", "foreign")])], timeout: .seconds(5))
            }
            let target = try bus.target()
            let sending = Sending()
            await target.send(sending.messages(0..<15, streams: Bus.streams))
            await target.close()
            #expect(sending.acknowledged.count == 15 * Bus.streams.count)
            #expect(bus.troubles.all == [])
            let before = (0..<10).map { "account-3-\($0)" }
            let behind = (10..<15).map { "account-3-\($0)" }
            #expect(try await bus.ids()[subject] == before + ["foreign"] + behind)
        }
    }

    @Test("stores each event once and in order when two targets send the same at once")
    func rivals() async throws {
        try await Bus.with { bus in
            let targets = [try bus.target { $0.batch = 10 }, try bus.target { $0.batch = 7 }]
            let ids = Dictionary(
                uniqueKeysWithValues: Bus.streams.map { s in (s, (0..<40).map { "\(s)-\($0)" }) })
            async let first = sendAll(ids, to: targets[0])
            async let second = sendAll(ids, to: targets[1])
            let areSent = await [first, second]
            #expect(areSent == [true, true])
            for target in targets { await target.close() }
            try await bus.expectAll(40)
        }
    }

    @Test("leaves a stream at which another sender published to the next call")
    func overtaken() async throws {
        try await Bus.with { bus in
            let target = try bus.target()
            let sending = Sending()
            await target.send([sending.message("a-0", stream: "account-1")])
            let subject = bus.subjects.subject(of: "account-1")
            try await bus.withConnection { connection in
                _ = try await connection.publishAcknowledged(
                    [OutgoingMessage(subject: subject, headers: [("ce-id", "foreign")])], timeout: .seconds(5))
            }
            await target.send([
                sending.message("a-1", stream: "account-1"), sending.message("b-0", stream: "account-2"),
            ])
            #expect(
                sending.answer("a-1") == .failed(reason: JetStreamBusError.overtaken(subject: subject).description))
            #expect(sending.answer("b-0") == .acknowledged)
            let again = Sending()
            await target.send([again.message("a-1", stream: "account-1")])
            #expect(again.answer("a-1") == .acknowledged)
            await target.close()
            #expect(try await bus.ids()[subject] == ["a-0", "foreign", "a-1"])
        }
    }

    @Test("goes on behind what was removed from the stream")
    func purged() async throws {
        try await Bus.with { bus in
            let target = try bus.target()
            let sending = Sending()
            await target.send(sending.messages(0..<5, streams: Bus.streams))
            try await bus.api("STREAM.PURGE.\(bus.stream)")
            await target.send(sending.messages(5..<8, streams: Bus.streams))
            await target.close()
            #expect(sending.acknowledged.count == 8 * Bus.streams.count)
            let ids = try await bus.ids()
            for stream in Bus.streams {
                #expect(ids[bus.subjects.subject(of: stream)] == (5..<8).map { "\(stream)-\($0)" })
            }
        }
    }

    @Test("refuses an event that is too large, which stops its stream alone")
    func tooLarge() async throws {
        try await Bus.with { bus in
            let target = try bus.target()
            let sending = Sending()
            // The test's servers take 8 MB.
            let large = [UInt8](repeating: 0x20, count: 9 << 20)
            await target.send([
                sending.message("a-0", stream: "account-1"), sending.message("a-1", stream: "account-1", data: large),
                sending.message("a-2", stream: "account-1"), sending.message("b-0", stream: "account-2"),
                sending.message("b-1", stream: "account-2", data: [UInt8](repeating: 0x20, count: 7 << 20)),
            ])
            await target.close()
            #expect(Set(sending.acknowledged) == ["a-0", "b-0", "b-1"])
            guard case .refused(let reason)? = sending.answer("a-1") else {
                Issue.record("\(String(describing: sending.answer("a-1")))")
                return
            }
            #expect(reason.contains("max_payload"))
            #expect(sending.answer("a-2") == nil)
            #expect(try await bus.ids()[bus.subjects.subject(of: "account-1")] == ["a-0"])
        }
    }

    @Test("refuses an event that the stream does not take, also when its limit is set later")
    func streamLimit() async throws {
        try await Bus.with { bus in
            let target = try bus.target()
            let sending = Sending()
            await target.send([sending.message("a-0", stream: "account-1")])
            try await bus.api(
                "STREAM.UPDATE.\(bus.stream)",
                "{\"name\":\"\(bus.stream)\",\"subjects\":[\"\(bus.subjects.all)\"],\"storage\":\"file\","
                    + "\"num_replicas\":\(TestCluster.replicas),\"allow_atomic\":true,\"allow_direct\":true,\"max_msg_size\":1500}"
            )
            let large = [UInt8](repeating: 0x20, count: 3000)
            for target in [target, try bus.target()] {
                let sending = Sending()
                for _ in 0..<5 where sending.answer("a-2") == nil {
                    await target.send([
                        sending.message("a-1", stream: "account-1"),
                        sending.message("a-2", stream: "account-1", data: large),
                        sending.message("a-3", stream: "account-1"), sending.message("b-1", stream: "account-2"),
                    ])
                }
                await target.close()
                #expect(Set(sending.acknowledged) == ["a-1", "b-1"])
                guard case .refused? = sending.answer("a-2") else {
                    Issue.record("\(String(describing: sending.answer("a-2")))")
                    continue
                }
                #expect(sending.answer("a-3") == nil)
            }
        }
    }

    @Test("keeps streams apart whose names differ in their bytes alone: what one of them has is not stored again")
    func twins() async throws {
        try await Bus.with { bus in
            let short = JetStreamStreamSettings(replicas: TestCluster.replicas, duplicateWindow: .milliseconds(100))
            let streams = ["caf\u{E9}-1", "cafe\u{301}-1"]
            let ids = ["composed", "decomposed"]
            for count in [1, 2] {
                // The second one knows nothing of what the first one sent, and the servers have forgotten it.
                let target = try bus.target { $0.creation = short }
                let sending = Sending()
                await target.send(
                    (0..<count).flatMap { number in
                        zip(ids, streams).map { id, stream in sending.message("\(id)-\(number)", stream: stream) }
                    })
                await target.close()
                #expect(sending.acknowledged.count == count * streams.count)
                try await Task.sleep(for: .milliseconds(300))
            }
            let found = try await bus.ids()
            for (id, stream) in zip(ids, streams) {
                #expect(found[bus.subjects.subject(of: stream)] == ["\(id)-0", "\(id)-1"])
            }
        }
    }

    @Test("refuses an event whose headers are longer than the servers take, and holds up no other stream")
    func headerLimit() async throws {
        try await Bus.with { bus in
            let target = try bus.target()
            let sending = Sending()
            var event = Sending.event("a-1", stream: "account-1")
            event.extensions["note"] = String(repeating: "x", count: 70_000)
            await target.send([
                sending.message("a-0", stream: "account-1"), sending.message([event], stream: "account-1"),
                sending.message("b-0", stream: "account-2"),
            ])
            await target.close()
            #expect(Set(sending.acknowledged) == ["a-0", "b-0"])
            guard case .refused? = sending.answer("a-1") else {
                Issue.record("\(String(describing: sending.answer("a-1")))")
                return
            }
        }
    }

    @Test("fails while the stream is missing, and sends when it was made")
    func missing() async throws {
        try await Bus.with { bus in
            let target = try bus.target {
                $0.creation = nil
                $0.patience = .milliseconds(500)
            }
            let sending = Sending()
            await target.send(sending.messages(0..<2, streams: ["account-1", "account-2"]))
            let missing = JetStreamBusError.streamMissing(name: bus.stream)
            #expect(sending.answers.map(\.answer) == Array(repeating: .failed(reason: missing.description), count: 2))
            #expect(bus.troubles.all == [missing])
            try await bus.send(0..<2)
            let again = Sending()
            await target.send(again.messages(0..<3, streams: Bus.streams))
            #expect(again.acknowledged.count == 3 * Bus.streams.count)

            // Removed while the target is connected, and made anew.
            await bus.remove()
            let lost = Sending()
            await target.send([lost.message("lost", stream: "account-1")])
            #expect(lost.acknowledged == [])
            try await bus.send(0..<1)
            let found = Sending()
            await target.send([found.message("found", stream: "account-1")])
            #expect(found.acknowledged == ["found"])
            await target.close()
        }
    }

    @Test("fails on a stream that cannot be published to, and says why")
    func unfit() async throws {
        try await Bus.with { bus in
            func make(_ more: String, subject: String? = nil) async throws {
                await bus.remove()
                try await bus.api(
                    "STREAM.CREATE.\(bus.stream)",
                    "{\"name\":\"\(bus.stream)\",\"subjects\":[\"\(subject ?? bus.subjects.all)\"],\"storage\":\"file\","
                        + "\"num_replicas\":\(TestCluster.replicas)\(more)}")
            }
            func answer() async throws -> String {
                let target = try bus.target()
                let sending = Sending()
                await target.send([sending.message("a", stream: "account-1")])
                await target.close()
                guard case .failed(let reason)? = sending.answer("a") else { throw RawFailure("it was sent") }
                return reason
            }
            try await make("", subject: bus.subjects.prefix + ".00.>")
            #expect(try await answer().contains("does not take '\(bus.subjects.all)'"))
            try await make(",\"no_ack\":true")
            #expect(try await answer().contains("acknowledges nothing"))
        }
    }

    @Test("sends one by one to a stream that allows no batches")
    func withoutBatches() async throws {
        try await Bus.with { bus in
            try await bus.api(
                "STREAM.CREATE.\(bus.stream)",
                "{\"name\":\"\(bus.stream)\",\"subjects\":[\"\(bus.subjects.all)\"],\"storage\":\"file\",\"num_replicas\":\(TestCluster.replicas)}"
            )
            for range in [0..<20, 10..<30] { try await bus.send(range) }
            try await bus.expectAll(30)
        }
    }

    @Test("returns soon when it is cancelled, and answers when it is closed")
    func ended() async throws {
        let bus = try Bus(on: "nats://127.0.0.1:1")
        let target = try bus.target()
        let sending = Sending()
        let sent = Task { await target.send(sending.messages(0..<2, streams: Bus.streams)) }
        sent.cancel()
        await sent.value
        #expect(sending.acknowledged == [])
        await target.close()
        let closed = Sending()
        await target.send([closed.message("a", stream: "account-1")])
        #expect(closed.answer("a") == .failed(reason: JetStreamBusError.stopped.description))
    }

    @Test("refuses settings that cannot be")
    func settings() throws {
        for prefix in ["", "a..b", "a.*", "a.>", "$JS.x", "a b", "a."] {
            #expect(throws: JetStreamBusError.self, "\(prefix)") { try JetStreamSubjects(prefix: prefix) }
        }
        #expect(throws: JetStreamBusError.self) { try JetStreamSubjects(prefix: "a", partitions: 0) }
        let subjects = try JetStreamSubjects(prefix: "a.b", partitions: 3)
        #expect(throws: JetStreamBusError.self) {
            try JetStreamTarget(.init(servers: "nats://localhost", stream: "A.B", subjects: subjects))
        }
        #expect(throws: JetStreamBusError.self) {
            try JetStreamTarget(.init(servers: "nats://localhost", stream: "A", subjects: subjects, batch: 0))
        }
    }
}
