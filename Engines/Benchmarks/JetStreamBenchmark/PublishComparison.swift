import CNATS
import Daybook
import DaybookCore
import DaybookJetStream
import Foundation
import Synchronization

/// The same events published by the target and by a bare client with the same guarantee: atomic batches of 250, of which the first
/// message of each subject says what must stand last on it.
struct PublishComparison: Sendable {
    let urls: String
    let replicas: Int
    let seconds: Double
    let name: String

    static let batch = 250

    /// - Parameter run: Part of the identifier, by which the servers know an event again.
    func event(_ number: Int, of stream: String, run: UInt64 = 0) -> CloudEvent {
        CloudEvent(
            id: "0198c5a2-\(String(run & 0xFFFF, radix: 16))-7000-8000-\(100_000_000_000 + number)", source: "/shop",
            type: "account.credited",
            subject: stream, time: Timestamp("2026-01-02T03:04:05.678901Z"), data: Comparison.payload,
            extensions: ["partitionkey": stream, "position": "\(number)", "streamversion": "\(number)"])
    }

    /// By the target, as a publisher calls it: some calls at once, each with 1,000 events of its own streams.
    func publish(calls: Int, streamsOfCall: Int) async throws -> Double {
        let target = try JetStreamTarget(
            .init(
                servers: .init(urls), stream: "BUS_" + name, subjects: JetStreamSubjects(prefix: "bus." + name),
                creation: .init(replicas: replicas), batch: Self.batch, underWay: 4,
                report: { error in FileHandle.standardError.write(Data("\(error)\n".utf8)) }))
        await target.send([PublisherMessage([event(0, of: "warm-up")], key: "warm-up") { _ in }])
        let run = UInt64.random(in: 0 ... .max)
        let begun = ContinuousClock.now
        let deadline = begun + .seconds(seconds)
        let count = await withTaskGroup(of: Int.self) { group in
            for call in 0..<calls {
                group.addTask {
                    var count = 0
                    while ContinuousClock.now < deadline {
                        let taken = Atomic<Int>(0)
                        await target.send(
                            (0..<1000).map { index in
                                let number = count + index
                                let stream = "account-\(run).\(call).\(number % streamsOfCall)"
                                return PublisherMessage([event(number, of: stream, run: run)], key: stream) { answer in
                                    if answer == .acknowledged { taken.add(1, ordering: .relaxed) }
                                }
                            })
                        count += taken.load(ordering: .relaxed)
                    }
                    return count
                }
            }
            return await group.reduce(0, +)
        }
        let rate = Double(count) / (ContinuousClock.now - begun).inSeconds
        await target.close()
        return rate
    }

    /// By libnats alone, a thread for each writer, one batch at a time; the bytes are made before.
    func publishBare(writers: Int, streamsOfWriter: Int) throws -> Double {
        let client = try BarePublisher(
            urls: urls, stream: "BUSBARE_" + name, prefix: "busbare." + name, replicas: replicas)
        defer { client.close() }
        let begun = Date()
        let total = Mutex(0)
        let group = DispatchGroup()
        for writer in 0..<writers {
            group.enter()
            Thread.detachNewThread {
                defer { group.leave() }
                var last: [Int: Int] = [:]
                var count = 0
                let subject = "busbare.\(name).\(UInt64.random(in: 0 ... .max)).\(writer)"
                let headers = event(1, of: "account-18446744073709551615.0.0").attributes.map {
                    ("ce-" + $0.name, $0.value)
                }
                while Date().timeIntervalSince(begun) < seconds {
                    guard
                        (try? client.sendBatch(
                            of: Self.batch, first: count, to: subject, streams: streamsOfWriter, headers: headers, &last
                        ))
                            != nil
                    else { break }
                    count += Self.batch
                }
                total.withLock { $0 += count }
            }
        }
        group.wait()
        return Double(total.withLock { $0 }) / Date().timeIntervalSince(begun)
    }
}

/// What a program that uses libnats by itself does.
final class BarePublisher: @unchecked Sendable {
    struct Failure: Error { var what: String }

    private let connection: OpaquePointer
    private let payload = Comparison.payload.map { CChar(bitPattern: $0) }

    init(urls: String, stream: String, prefix: String, replicas: Int) throws {
        var made: OpaquePointer?
        guard natsConnection_ConnectTo(&made, urls) == NATS_OK, let made else { throw Failure(what: "connect") }
        connection = made
        var reply: OpaquePointer?
        natsConnection_RequestString(
            &reply, connection, "$JS.API.STREAM.CREATE.\(stream)",
            "{\"name\":\"\(stream)\",\"subjects\":[\"\(prefix).>\"],\"storage\":\"file\",\"num_replicas\":\(replicas),"
                + "\"allow_direct\":true,\"allow_atomic\":true}", 10_000)
        natsMsg_Destroy(reply)
    }

    func sendBatch(
        of size: Int, first: Int, to subject: String, streams: Int, headers: [(String, String)],
        _ last: inout [Int: Int]
    ) throws {
        let batch = "b\(UInt64.random(in: 0 ... .max))"
        var places: [Int: Int] = [:]
        var reply: OpaquePointer?
        defer { natsMsg_Destroy(reply) }
        for number in 1...size {
            let stream = (first + number) % streams
            var message: OpaquePointer?
            natsMsg_Create(&message, "\(subject).\(stream)", nil, payload, Int32(payload.count))
            defer { natsMsg_Destroy(message) }
            for (name, value) in headers { natsMsgHeader_Set(message, name, value) }
            natsMsgHeader_Set(message, "Nats-Msg-Id", "\(subject) /shop \(100_000_000_000 + first + number)")
            if places[stream] == nil {
                natsMsgHeader_Set(message, "Nats-Expected-Last-Subject-Sequence", String(last[stream] ?? 0))
            }
            places[stream] = number
            natsMsgHeader_Set(message, "Nats-Batch-Id", batch)
            natsMsgHeader_Set(message, "Nats-Batch-Sequence", String(number))
            if number == size {
                natsMsgHeader_Set(message, "Nats-Batch-Commit", "1")
                guard natsConnection_RequestMsg(&reply, connection, message, 10_000) == NATS_OK else {
                    throw Failure(what: "batch")
                }
            } else if natsConnection_PublishMsg(connection, message) != NATS_OK {
                throw Failure(what: "publish")
            }
        }
        let text = String(cString: natsMsg_GetData(reply))
        guard let range = text.range(of: "\"seq\":"), !text.contains("error"),
            let end = Int(text[range.upperBound...].prefix { $0.isNumber })
        else { throw Failure(what: text) }
        for (stream, place) in places { last[stream] = end - size + place }
    }

    func close() {
        natsConnection_Close(connection)
        natsConnection_Destroy(connection)
    }
}
