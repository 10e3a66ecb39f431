import CNATS
import Foundation

/// The plainest use of libnats for the same work: blocking requests, one thread a writer.
final class BareClient: @unchecked Sendable {
    struct Failure: Error { var what: String }

    let connection: OpaquePointer
    private let stream: String
    private let subject: String
    private let payload = [CChar](repeating: 120, count: 256)
    private let lock = NSLock()
    private var nextSubject = 0

    init(urls: String, stream: String, subject: String, replicas: Int) throws {
        self.stream = stream
        self.subject = subject
        var made: OpaquePointer?
        try Self.check(natsConnection_ConnectTo(&made, urls), "connect")
        connection = made!
        _ = try request(
            "$JS.API.STREAM.CREATE.\(stream)",
            "{\"name\":\"\(stream)\",\"subjects\":[\"\(subject).>\"],\"storage\":\"file\",\"num_replicas\":\(replicas),"
                + "\"allow_direct\":true,\"allow_atomic\":true,\"discard\":\"new\"}")
    }

    static func check(_ status: natsStatus, _ what: String) throws {
        guard status == NATS_OK else { throw Failure(what: "\(what): \(String(cString: natsStatus_GetText(status)))") }
    }

    func request(_ subject: String, _ body: String) throws -> String {
        var reply: OpaquePointer?
        try Self.check(natsConnection_RequestString(&reply, connection, subject, body, 10_000), subject)
        defer { natsMsg_Destroy(reply) }
        return String(cString: natsMsg_GetData(reply))
    }

    private func newSubject() -> String {
        lock.lock()
        defer { lock.unlock() }
        nextSubject += 1
        return "\(subject).\(nextSubject)"
    }

    /// Where the answers to one request come, when there are several.
    func withInbox<Value>(
        _ body: (_ inbox: OpaquePointer?, _ name: UnsafeMutablePointer<CChar>?) throws -> Value
    ) throws -> Value {
        var inbox: OpaquePointer?
        var name: UnsafeMutablePointer<CChar>?
        natsInbox_Create(&name)
        defer { natsInbox_Destroy(name) }
        try Self.check(natsConnection_SubscribeSync(&inbox, connection, name), "inbox")
        defer { natsSubscription_Destroy(inbox) }
        natsSubscription_SetPendingLimits(inbox, -1, -1)
        return try body(inbox, name)
    }

    /// The sequence of an acknowledgement.
    private func sequence(of reply: OpaquePointer?) throws -> Int {
        let text = String(cString: natsMsg_GetData(reply))
        guard let range = text.range(of: "\"seq\":"), !text.contains("error") else { throw Failure(what: text) }
        return Int(text[range.upperBound...].prefix { $0.isNumber }) ?? 0
    }

    func append(writers: Int, seconds: Double) throws -> Double {
        let begun = Date()
        let counts = Counts()
        let group = DispatchGroup()
        for _ in 0..<writers {
            group.enter()
            Thread.detachNewThread { [self] in
                defer { group.leave() }
                let subject = newSubject()
                var last = 0
                var count = 0
                while Date().timeIntervalSince(begun) < seconds {
                    var message: OpaquePointer?
                    var reply: OpaquePointer?
                    natsMsg_Create(&message, subject, nil, payload, Int32(payload.count))
                    natsMsgHeader_Set(message, "Nats-Expected-Last-Subject-Sequence", String(last))
                    let status = natsConnection_RequestMsg(&reply, connection, message, 10_000)
                    natsMsg_Destroy(message)
                    guard status == NATS_OK, let sequence = try? sequence(of: reply) else { break }
                    natsMsg_Destroy(reply)
                    last = sequence
                    count += 1
                }
                counts.add(count)
            }
        }
        group.wait()
        return Double(counts.total) / Date().timeIntervalSince(begun)
    }

    func appendBatches(of size: Int, seconds: Double) throws -> Double {
        let begun = Date()
        let subject = newSubject()
        var last = 0
        var count = 0
        while Date().timeIntervalSince(begun) < seconds {
            last = try appendBatch(of: size, to: subject, last: last)
            count += size
        }
        return Double(count) / Date().timeIntervalSince(begun)
    }

    private func appendBatch(of size: Int, to subject: String, last: Int) throws -> Int {
        let batch = "b\(UInt64.random(in: 0 ... .max))"
        var reply: OpaquePointer?
        for number in 1...size {
            var message: OpaquePointer?
            natsMsg_Create(&message, subject, nil, payload, Int32(payload.count))
            defer { natsMsg_Destroy(message) }
            if number == 1 { natsMsgHeader_Set(message, "Nats-Expected-Last-Subject-Sequence", String(last)) }
            natsMsgHeader_Set(message, "Nats-Batch-Id", batch)
            natsMsgHeader_Set(message, "Nats-Batch-Sequence", String(number))
            if number == size {
                natsMsgHeader_Set(message, "Nats-Batch-Commit", "1")
                try Self.check(natsConnection_RequestMsg(&reply, connection, message, 10_000), "batch")
            } else {
                try Self.check(natsConnection_PublishMsg(connection, message), "batch")
            }
        }
        defer { natsMsg_Destroy(reply) }
        return try sequence(of: reply)
    }

    func fill(_ events: Int) throws {
        for number in 0..<events / 1000 {
            let subject = "\(subject).fill\(number)"
            _ = try appendBatch(of: 1000, to: subject, last: 0)
        }
    }

    /// Batched direct gets of 1,000, one after another.
    func readDirect(_ events: Int) throws -> Double {
        let begun = Date()
        return try withInbox { inbox, name in
            var count = 0
            var next = 1
            while count < events {
                let page = try directGet(from: next, on: "\(subject).>", in: stream, inbox: inbox, name: name)
                guard page.count > 0 else { throw Failure(what: "\(stream) has \(count) messages, not \(events)") }
                count += page.count
                next = page.last + 1
            }
            return Double(count) / Date().timeIntervalSince(begun)
        }
    }

    /// A batched direct get of the first 1,000 messages on each subject.
    func readSubjects(_ subjects: [String], in stream: String) throws -> Double {
        let begun = Date()
        return try withInbox { inbox, name in
            for subject in subjects {
                let page = try directGet(from: 1, on: subject, in: stream, inbox: inbox, name: name)
                guard page.count == 1000 else { throw Failure(what: "\(subject) has \(page.count) messages") }
            }
            return Double(subjects.count * 1000) / Date().timeIntervalSince(begun)
        }
    }

    /// The subjects of a stream on which there are messages.
    func subjects(matching filter: String, in stream: String) throws -> [String] {
        struct Info: Decodable {
            struct State: Decodable { var subjects: [String: Int]? }
            var state: State
        }
        let info = try request("$JS.API.STREAM.INFO.\(stream)", "{\"subjects_filter\":\"\(filter)\"}")
        return try JSONDecoder().decode(Info.self, from: Data(info.utf8)).state.subjects?.keys.sorted() ?? []
    }

    /// Sequence, subject and time of each message are looked at.
    private func directGet(
        from sequence: Int, on subject: String, in stream: String, inbox: OpaquePointer?,
        name: UnsafeMutablePointer<CChar>?
    ) throws -> (count: Int, last: Int) {
        let body = "{\"seq\":\(sequence),\"next_by_subj\":\"\(subject)\",\"batch\":1000,\"max_bytes\":4194304}"
        try Self.check(
            natsConnection_PublishRequestString(connection, "$JS.API.DIRECT.GET.\(stream)", name, body), "direct get")
        var count = 0
        var last = 0
        var bytes = 0
        while true {
            var message: OpaquePointer?
            try Self.check(natsSubscription_NextMsg(&message, inbox, 10_000), "direct get")
            defer { natsMsg_Destroy(message) }
            if natsMsg_GetDataLength(message) == 0 { return (count, last) }
            var value: UnsafePointer<CChar>?
            natsMsgHeader_Get(message, "Nats-Sequence", &value)
            last = atol(value!)
            natsMsgHeader_Get(message, "Nats-Subject", &value)
            natsMsgHeader_Get(message, "Nats-Time-Stamp", &value)
            bytes += Int(natsMsg_GetDataLength(message))
            count += 1
        }
    }

    /// An ordered consumer, as libnats offers it.
    func readOrdered(_ events: Int) throws -> Double {
        let begun = Date()
        var context: OpaquePointer?
        try Self.check(natsConnection_JetStream(&context, connection, nil), "JetStream")
        var options = jsSubOptions()
        jsSubOptions_Init(&options)
        options.Ordered = true
        var subscription: OpaquePointer?
        try stream.withCString { name in
            options.Stream = name
            try Self.check(
                js_SubscribeSync(&subscription, context, "\(subject).>", nil, &options, nil), "ordered consumer")
        }
        // Kept to the end: libnats may still be about to renew the consumer.
        defer { natsSubscription_Unsubscribe(subscription) }
        natsSubscription_SetPendingLimits(subscription, -1, -1)
        var count = 0
        var bytes = 0
        while count < events {
            var message: OpaquePointer?
            try Self.check(natsSubscription_NextMsg(&message, subscription, 10_000), "ordered consumer")
            bytes += Int(natsMsg_GetDataLength(message))
            var metadata: UnsafeMutablePointer<jsMsgMetaData>?
            natsMsg_GetMetaData(&metadata, message)
            jsMsgMetaData_Destroy(metadata)
            natsMsg_Destroy(message)
            count += 1
        }
        return Double(count) / Date().timeIntervalSince(begun)
    }

    func remove(also others: String...) throws {
        for stream in [stream] + others { _ = try request("$JS.API.STREAM.DELETE.\(stream)", "") }
        natsConnection_Close(connection)
        natsConnection_Destroy(connection)
    }
}

private final class Counts: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var total = 0

    func add(_ count: Int) {
        lock.lock()
        total += count
        lock.unlock()
    }
}
