import BusTesting
import Daybook
import DaybookCore
import Foundation
import Testing

@testable import DaybookJetStream

@Suite(
    "The JetStream source", .enabled(if: TestCluster.isThere, TestCluster.skipped), .serialized, .timeLimit(.minutes(5))
)
struct JetStreamSourceTests {
    @Test(
        "gives every event once, in order for each stream, and goes on there after a restart",
        arguments: [JetStreamForm.binary, .structured])
    func all(_ form: JetStreamForm) async throws {
        try await Bus.with { bus in
            try await bus.send(0..<50, form: form)
            let taking = Taking()
            let source = try bus.source { $0.batch = 20 }
            #expect(
                try await run(source, until: { taking.messages.count >= 50 * Bus.streams.count }) { taking.note($0) })
            #expect(taking.messages.count == 50 * Bus.streams.count)
            #expect(taking.idsOfStreams == Sending.ids(0..<50, of: Bus.streams))
            #expect(taking.events.first { $0.id == "account-3-7" } == Sending.event("account-3-7", stream: "account-3"))
            #expect(Set(taking.batches.map(\.lane)).isSubset(of: (0..<4).map { "\(bus.stream)/0\($0)" }))
            #expect(Set(taking.messages.map(\.origin)).count == 50 * Bus.streams.count)
            #expect(taking.messages.allSatisfy { $0.origin.hasPrefix("\(bus.stream)/") })
            #expect(taking.batches.allSatisfy { $0.messages.count <= 20 })

            try await bus.send(50..<60, form: form)
            let more = Taking()
            #expect(try await run(source, until: { more.messages.count >= 10 * Bus.streams.count }) { more.note($0) })
            #expect(more.messages.count == 10 * Bus.streams.count)
            #expect(more.idsOfStreams == Sending.ids(50..<60, of: Bus.streams))
        }
    }

    @Test("gives one lane of all that matches when it is not partitioned")
    func oneLane() async throws {
        try await Bus.with { bus in
            try await bus.send(0..<20)
            let taking = Taking()
            let source = try JetStreamSource(
                .init(
                    servers: .init(bus.urls), stream: bus.stream, group: "whole", filters: [bus.subjects.all],
                    takeOver: .seconds(1)))
            #expect(
                try await run(source, until: { taking.messages.count >= 20 * Bus.streams.count }) { taking.note($0) })
            #expect(Set(taking.batches.map(\.lane)) == ["\(bus.stream)/whole"])
            let sequences = taking.messages.map { Int($0.origin.split(separator: "@").last!)! }
            #expect(sequences == Array(1...20 * Bus.streams.count))
        }
    }

    @Test("gives a batch again that was not taken, nothing behind it meanwhile, and other lanes go on")
    func again() async throws {
        try await Bus.with { bus in
            try await bus.send(0..<50)
            let bad = "\(bus.stream)/0\(bus.subjects.partition(of: "account-0"))"
            let badCount =
                50 * Bus.streams.count { bus.subjects.partition(of: $0) == bus.subjects.partition(of: "account-0") }
            let attempts = Box<[[String]]>([])
            let taking = Taking()
            let isMended = Box(false)
            let source = try bus.source { $0.batch = 10 }
            #expect(
                try await run(
                    source,
                    until: {
                        if attempts.value.count >= 5, taking.messages.count >= 50 * Bus.streams.count - badCount {
                            isMended.change { $0 = true }
                        }
                        return taking.messages.count >= 50 * Bus.streams.count
                    }
                ) { batch in
                    if batch.lane == bad, !isMended.value {
                        attempts.change { $0.append(batch.messages.map(\.origin)) }
                        throw RawFailure("not today")
                    }
                    taking.note(batch)
                })
            #expect(Set(attempts.value).count == 1)
            #expect(bus.troubles.all.contains(.notTaken(lane: bad, reason: "not today")))
            #expect(taking.idsOfStreams == Sending.ids(0..<50, of: Bus.streams))
        }
    }

    @Test("notes nothing of a batch that was not taken")
    func unnoted() async throws {
        try await Bus.with(partitions: 1) { bus in
            try await bus.send(0..<3)
            let first = Box<[String]>([])
            let source = try bus.source { $0.batch = 5 }
            #expect(
                try await run(source, until: { first.value.count >= 2 }) { batch in
                    if first.value.isEmpty {
                        first.change { $0.append("taken") }
                        return
                    }
                    first.change { $0.append("not taken") }
                    throw RawFailure("not today")
                })
            let taking = Taking()
            #expect(
                try await run(source, until: { taking.messages.last?.origin.hasSuffix("@36") == true }) {
                    taking.note($0)
                })
            // The first batch had one to five of them.
            let begin = try #require(taking.messages.first?.origin.split(separator: "@").last.flatMap { Int($0) })
            #expect((2...6).contains(begin))
            #expect(taking.messages.map { Int($0.origin.split(separator: "@").last ?? "") } == Array(begin...36))
        }
    }

    @Test("gives what is no event, with what it has")
    func poison() async throws {
        try await Bus.with(partitions: 1) { bus in
            try await bus.send(0..<1)
            let subject = bus.subjects.filter(of: 0).dropLast()
            try await bus.withConnection { connection in
                for message in [
                    OutgoingMessage(subject: subject + "plain", body: Array("hello".utf8)),
                    OutgoingMessage(
                        subject: subject + "half",
                        headers: [("ce-specversion", "1.0"), ("CE-Type", "a.b"), ("ce-subject", "a%20b")]),
                    OutgoingMessage(
                        subject: subject + "broken",
                        headers: [("Content-Type", "application/cloudevents+json")], body: Array("{".utf8)),
                    OutgoingMessage(
                        subject: subject + "bare",
                        body: Array(#"{"specversion":"1.0","id":"bare","source":"/x","type":"a.b"}"#.utf8)),
                ] {
                    _ = try await connection.publishAcknowledged([message], timeout: .seconds(5))
                }
            }
            let taking = Taking()
            #expect(
                try await run(try bus.source(), until: { taking.messages.count >= Bus.streams.count + 4 }) {
                    taking.note($0)
                })
            let last = taking.messages.suffix(4)
            #expect(last.map(\.body).first == Array("hello".utf8))
            let contents = last.map(\.content)
            guard case .failure(let plain) = contents[0], case .failure(let half) = contents[1],
                case .failure(let broken) = contents[2]
            else {
                Issue.record("\(contents)")
                return
            }
            #expect(plain.description.contains("ce-specversion"))
            #expect(half.reason == .missing("id"))
            #expect(last.map(\.attributes)[1] == ["specversion": "1.0", "type": "a.b", "subject": "a b"])
            guard case .notJSON = broken.reason else {
                Issue.record("\(broken)")
                return
            }
            #expect(try contents[3].get().id == "bare")
        }
    }

    @Test("gives a message with a status of the servers in its headers, and what stands behind it")
    func status() async throws {
        try await Bus.with(partitions: 1) { bus in
            try await bus.send(0..<1)
            let subject = bus.subjects.filter(of: 0).dropLast()
            let statuses = ["503", "503 none", "404", "408", "409", "423", "204", "100"]
            let count = 2 * Bus.streams.count + statuses.count
            try await bus.withConnection { connection in
                for status in statuses {
                    let message = OutgoingMessage(
                        subject: subject + "odd", headers: [("Status", status), ("Description", "Batch Completed")])
                    _ = try await connection.publishAcknowledged([message], timeout: .seconds(5))
                }
            }
            try await bus.send(1..<2)
            let taking = Taking()
            #expect(try await run(try bus.source(), until: { taking.messages.count >= count }) { taking.note($0) })
            #expect(taking.messages.map { Int($0.origin.split(separator: "@").last ?? "") } == Array(1...count))
            #expect(taking.idsOfStreams == Sending.ids(0..<2, of: Bus.streams))
            // So do direct reads, and what is sent ahead of a reader.
            try await bus.withConnection { connection in
                #expect(
                    try await eventually {
                        let page = try await connection.directMessages(
                            from: 1, on: bus.subjects.all, limit: 100, bytes: 1 << 20, in: bus.stream,
                            timeout: .seconds(5))
                        return page.messages.count == count
                    })
                let ahead = try await LogReadAhead.begin(
                    from: 1, on: bus.subjects.all, in: bus.stream, of: connection, timeout: .seconds(5))
                var sent = 0
                #expect(
                    try await eventually {
                        sent += await ahead.next(100, within: .milliseconds(100), isMore: true).messages.count
                        return sent == count
                    })
                ahead.end()
            }
        }
    }

    @Test("keeps its lanes while a handler takes longer than the time after which silent members are replaced")
    func slow() async throws {
        try await Bus.with(partitions: 1) { bus in
            func source() throws -> JetStreamSource {
                try bus.source {
                    $0.batch = 8
                    $0.takeOver = .seconds(2)
                }
            }
            let first = Taking()
            let second = Taking()
            try await bus.send(0..<1)
            let slow = Task {
                try await source().run { batch in
                    // More than fits into its hands waits behind it.
                    if first.batches.count == 1 { try await Task.sleep(for: .seconds(5)) }
                    first.note(batch)
                }
            }
            #expect(try await eventually { !first.messages.isEmpty })
            let standing = Task { try await source().run { second.note($0) } }
            try await bus.send(1..<10)
            #expect(try await eventually { first.ids.count + second.ids.count >= 10 * Bus.streams.count })
            for task in [slow, standing] {
                task.cancel()
                try await task.value
            }
            #expect(!bus.troubles.all.contains { if case .takenOver = $0 { true } else { false } })
            #expect(second.ids == [])
            #expect(first.ids.count == 10 * Bus.streams.count)
        }
    }

    @Test("begins at the end when it is told to, and there again after a restart without events")
    func latest() async throws {
        try await Bus.with { bus in
            try await bus.send(0..<5)
            let source = try bus.source { $0.start = .latest }
            let taking = Taking()
            let running = Task { try await source.run { taking.note($0) } }
            #expect(
                try await eventually {
                    (try? await bus.api("CONSUMER.INFO.\(bus.stream).ledger-03")) != nil
                })
            try await bus.send(5..<10)
            #expect(try await eventually { taking.messages.count >= 5 * Bus.streams.count })
            running.cancel()
            try await running.value
            #expect(taking.idsOfStreams == Sending.ids(5..<10, of: Bus.streams))
        }
    }

    @Test("begins at one place in all lanes, also when it was interrupted while it made them")
    func interrupted() async throws {
        try await Bus.with { bus in
            try await bus.send(0..<1)
            let source = try bus.source { $0.start = .latest }
            let running = Task { try await source.run { _ in } }
            #expect(
                try await eventually {
                    (try? await bus.api("CONSUMER.INFO.\(bus.stream).ledger-03")) != nil
                })
            running.cancel()
            try await running.value
            // As if it had come no further than the first one.
            for lane in 1..<4 { try await bus.removeConsumer("ledger-0\(lane)") }
            try await bus.send(1..<3)
            let taking = Taking()
            #expect(
                try await run(source, until: { taking.messages.count >= 2 * Bus.streams.count }) { taking.note($0) })
            #expect(taking.idsOfStreams == Sending.ids(1..<3, of: Bus.streams))
        }
    }

    @Test("ends when the stream or a consumer is missing, or is not as it must be")
    func missing() async throws {
        try await Bus.with { bus in
            await #expect(throws: JetStreamBusError.streamMissing(name: bus.stream)) {
                try await bus.source().run { _ in }
            }
            try await bus.send(0..<1)
            await #expect(throws: JetStreamBusError.consumerMissing(name: "ledger-00", stream: bus.stream)) {
                try await bus.source { $0.start = .committed }.run { _ in }
            }
            let taking = Taking()
            let running = Task { try await bus.source().run { taking.note($0) } }
            #expect(try await eventually { taking.messages.count >= Bus.streams.count })
            try await bus.api("CONSUMER.DELETE.\(bus.stream).ledger-02")
            await #expect(throws: JetStreamBusError.consumerMissing(name: "ledger-02", stream: bus.stream)) {
                try await running.value
            }
            let others = try JetStreamSubjects(prefix: bus.subjects.prefix, partitions: 3)
            await #expect {
                try await bus.source { $0.subjects = .partitions(others) }.run { _ in }
            } throws: { error in
                guard case .consumerUnfit(name: "ledger-00", let reason)? = error as? JetStreamBusError else {
                    return false
                }
                return reason.contains("4 partitions")
            }
        }
    }

    @Test("tells of messages that the stream's limits removed before they were given, or ends there")
    func removed() async throws {
        try await Bus.with(partitions: 1) { bus in
            try await bus.send(0..<2)
            let taking = Taking()
            #expect(
                try await run(try bus.source(), until: { taking.messages.count >= 2 * Bus.streams.count }) {
                    taking.note($0)
                })
            #expect(bus.troubles.all == [])
            try await bus.send(2..<6)
            let lost = JetStreamBusError.messagesMissing(
                lane: "\(bus.stream)/00", from: Int64(2 * Bus.streams.count + 1), through: 40)
            try await bus.limit(to: 6 * Bus.streams.count - 40)
            await #expect(throws: lost) { try await bus.source { $0.start = .committed }.run { _ in } }
            let more = Taking()
            #expect(
                try await run(
                    try bus.source(),
                    until: { more.messages.last?.origin.hasSuffix("@\(6 * Bus.streams.count)") == true }
                ) { more.note($0) })
            #expect(more.messages.first?.origin.hasSuffix("@41") == true)
            #expect(bus.troubles.all.contains(lost))
        }
    }

    @Test("takes the messages of a stream that was made anew for others, although their sequences are the same")
    func madeAnew() async throws {
        try await Bus.with(partitions: 1) { bus in
            let store = InMemoryEventStore()
            let policy = ConsumerPolicy(deliveries: 1, backoff: .zero)
            let handled = Box(0)
            for round in 0..<2 {
                try await bus.make()
                try await bus.send(0..<1)
                let receiver = EventReceiver("bank", from: try bus.source(), in: store, policy: policy)
                let running = Task {
                    try await receiver.run { _ in
                        if round == 0 { throw ParkEvent("a test") }
                        handled.change { $0 += 1 }
                    }
                }
                #expect(
                    try await eventually {
                        if round == 1 { return handled.value == Bus.streams.count }
                        return try await receiver.parked().count == Bus.streams.count
                    })
                running.cancel()
                try await running.value
                for parked in try await receiver.parked() { try await receiver.skip(parked.key) }
                try await bus.api("STREAM.DELETE.\(bus.stream)")
            }
            try await bus.make()
        }
    }

    @Test("tells of messages that were removed while a handler was busy, and not of those that were on their way")
    func removedMeanwhile() async throws {
        try await Bus.with(partitions: 1) { bus in
            try await bus.send(0..<10)
            let isBusy = Box(true)
            let taking = Taking()
            let running = Task {
                try await bus.source {
                    $0.batch = 10
                    $0.lookEvery = .milliseconds(50)
                }.run { batch in
                    taking.note(batch)
                    while isBusy.value { try await Task.sleep(for: .milliseconds(20)) }
                }
            }
            #expect(try await eventually { !taking.messages.isEmpty })
            // Twenty are fetched at most; these it has, or not.
            try await bus.api("STREAM.PURGE.\(bus.stream)", "{\"seq\":101}")
            try await Task.sleep(for: .milliseconds(500))
            isBusy.change { $0 = false }
            let last = "@\(10 * Bus.streams.count)"
            #expect(try await eventually { taking.messages.last?.origin.hasSuffix(last) == true })
            let given = taking.messages.map { Int64($0.origin.split(separator: "@").last!)! }
            let next = try #require(given.first { $0 > 100 })
            let before = try #require(given.last { $0 <= 100 })
            #expect(next == 101)
            let lost = JetStreamBusError.messagesMissing(lane: "\(bus.stream)/00", from: before + 1, through: 100)
            #expect(try await eventually { bus.troubles.all.contains(lost) })
            #expect(bus.troubles.all.count == 1)
            running.cancel()
            try await running.value
        }
    }

    @Test("does not take others' messages for its own when they were removed while its lane had none")
    func idle() async throws {
        try await Bus.with { bus in
            try await bus.send(0..<1)
            let mine = try #require(Bus.streams.first)
            let lane = bus.subjects.partition(of: mine)
            let others = Bus.streams.filter { bus.subjects.partition(of: $0) != lane }
            let taking = Taking()
            let running = Task {
                try await bus.source {
                    $0.start = .earliest
                    $0.moveEvery = .milliseconds(100)
                }.run { taking.note($0) }
            }
            #expect(try await eventually { taking.messages.count == Bus.streams.count })
            let target = try bus.target()
            let sending = Sending()
            await target.send(sending.messages(1..<20, streams: others))
            #expect(try await eventually { taking.messages.count == Bus.streams.count + 19 * others.count })
            #expect(
                try await eventually {
                    let info: LaneConsumer.Info = try await bus.withConnection {
                        try await $0.api("CONSUMER.INFO.\(bus.stream).ledger-0\(lane)", timeout: .seconds(5))
                    }
                    return info.floor == Int64(Bus.streams.count + 19 * others.count)
                })
            running.cancel()
            try await running.value
            try await bus.api("STREAM.PURGE.\(bus.stream)")
            await target.send(sending.messages(20..<21, streams: [mine]))
            await target.close()
            let more = Taking()
            #expect(
                try await run(try bus.source { $0.start = .committed }, until: { !more.ids.isEmpty }) { more.note($0) })
            #expect(more.ids == ["\(mine)-20"])
            #expect(bus.troubles.all == [])
        }
    }

    @Test("says that a stream whose servers do not answer is waited for, and ends when it is cancelled")
    func unreachable() async throws {
        let bus = try Bus(on: "nats://127.0.0.1:1")
        let running = Task { try await bus.source().run { _ in } }
        #expect(try await eventually { !bus.troubles.all.isEmpty })
        running.cancel()
        try await running.value
        guard case .unreachable? = bus.troubles.all.first else {
            Issue.record("\(bus.troubles.all)")
            return
        }
    }
}
