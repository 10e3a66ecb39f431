#if Kinesis
import Crypto
import Daybook

/// Which records go together, and what follows from the answers: the protocol of sending, without a socket or a clock.
///
/// PutRecords promises no order between the records of one request, and may take some and not others. So a request has at
/// most one record of each stream, and the next one of a stream is sent when the one before was taken.
struct KinesisSendPlan {
    /// One record, and the messages that are acknowledged with it.
    struct Record: Sendable {
        /// The stream.
        var key: ConsumerKey
        var partitionKey: String
        var data: [UInt8]
        /// The first message that it holds a part of, by its number in its stream.
        var firstMessage: Int
        /// The messages whose last event it holds.
        var completed: Range<Int>

        var bytes: Int { data.count + partitionKey.utf8.count }
    }

    struct Request: Sendable {
        var records: [Record]
    }

    enum Outcome: Sendable, Equatable {
        case taken
        /// Kinesis had no room for it, or did not answer.
        case later(String)
        /// Sending it again at once does not help; whether it will another time.
        case failed(String)
        /// Something is wrong with the request, perhaps with this record.
        case invalid(String)
        /// It is not known, and nothing more is to be said: the task was cancelled.
        case unknown
    }

    private struct Lane {
        var messages: [PublisherMessage]
        /// The next event that no record holds yet: a message, and an event of it.
        var message = 0
        var event = 0
        /// The record that is under way, or to be sent again.
        var pending: Record?
        var attempts = 0
    }

    private let policy: KinesisTargetPolicy
    /// By their streams, whose names are compared byte by byte.
    private var lanes: [ConsumerKey: Lane] = [:]
    /// The streams whose next record may be sent, first come, first served.
    private var ready: [ConsumerKey] = []
    /// Those whose record is sent alone, since a request with it was called invalid.
    private var suspects: Set<ConsumerKey> = []

    init(_ messages: [PublisherMessage], policy: KinesisTargetPolicy) {
        self.policy = policy
        for message in messages {
            let key = ConsumerKey(unchecked: message.key)
            if lanes[key] == nil { ready.append(key) }
            lanes[key, default: Lane(messages: [])].messages.append(message)
        }
    }

    /// What is to be sent next; nil when nothing can be before an answer or a wait is over.
    mutating func nextRequest() -> Request? {
        var records: [Record] = []
        var bytes = 0
        var taken = 0
        for key in ready {
            guard records.count < policy.recordsPerRequest else { break }
            if suspects.contains(key) && !records.isEmpty { break }
            guard let record = nextRecord(of: key) else {
                taken += 1
                continue
            }
            guard records.isEmpty || bytes + record.bytes <= policy.requestBytes else { break }
            records.append(record)
            bytes += record.bytes
            taken += 1
            if suspects.contains(key) { break }
        }
        ready.removeFirst(taken)
        return records.isEmpty ? nil : Request(records: records)
    }

    /// Notes what became of a request, and answers the messages whose outcome is known by it.
    ///
    /// - Returns: Streams whose record is to be sent again, each with how often it has been sent; see ``resume(_:)``.
    mutating func finish(_ request: Request, _ outcomes: [Outcome]) -> [(key: ConsumerKey, attempts: Int)] {
        var again: [(key: ConsumerKey, attempts: Int)] = []
        for (record, outcome) in zip(request.records, outcomes) {
            let key = record.key
            guard var lane = lanes[key] else { continue }
            switch outcome {
            case .taken:
                for message in record.completed { lane.messages[message].answer(.acknowledged) }
                lane.pending = nil
                lane.attempts = 0
                suspects.remove(key)
                lanes[key] = lane
                if lane.message < lane.messages.count { ready.append(key) }
            case .later(let reason):
                lane.attempts += 1
                lanes[key] = lane
                if lane.attempts < policy.attempts {
                    again.append((key, lane.attempts))
                } else {
                    stop(key, at: record.firstMessage, .failed(reason: reason))
                }
            case .failed(let reason): stop(key, at: record.firstMessage, .failed(reason: reason))
            case .invalid(let reason) where request.records.count == 1:
                stop(key, at: record.firstMessage, .refused(reason: reason))
            case .invalid:
                suspects.insert(key)
                ready.append(key)
            case .unknown: lanes[key] = nil
            }
        }
        return again
    }

    /// The wait is over.
    mutating func resume(_ keys: [ConsumerKey]) { ready += keys.filter { lanes[$0] != nil } }

    /// What is behind a message that was not taken stays without an answer.
    private mutating func stop(_ key: ConsumerKey, at message: Int, _ answer: PublisherMessage.Answer) {
        lanes[key]?.messages[message].answer(answer)
        lanes[key] = nil
    }

    /// The record that is pending, else one of the next events; nil when the stream has stopped.
    private mutating func nextRecord(of key: ConsumerKey) -> Record? {
        guard var lane = lanes[key] else { return nil }
        if let pending = lane.pending { return pending }
        let partitionKey = Self.partitionKey(key.rawValue)
        let room = policy.recordBytes - partitionKey.utf8.count
        let first = lane.message
        var parts: [[UInt8]] = []
        var bytes = 2
        var most = 1
        if case .batches(let events) = policy.form { most = max(1, events) }
        while parts.count < most, lane.message < lane.messages.count {
            let part = lane.messages[lane.message].events[lane.event].json
            guard parts.isEmpty || bytes + part.count + 1 <= room else { break }
            parts.append(part)
            bytes += part.count + 1
            lane.event += 1
            if lane.event == lane.messages[lane.message].events.count {
                lane.event = 0
                lane.message += 1
            }
        }
        let data = policy.form == .structured ? parts[0] : Self.array(parts)
        let record = Record(
            key: key, partitionKey: partitionKey, data: data, firstMessage: first, completed: first..<lane.message)
        guard record.bytes <= policy.recordBytes else {
            stop(
                key, at: first,
                .refused(
                    reason: "The event makes a record of \(record.bytes) bytes with its partition key; "
                        + "the limit is \(policy.recordBytes)."))
            return nil
        }
        lane.pending = record
        lanes[key] = lane
        return record
    }

    private static func array(_ parts: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "[")]
        bytes.reserveCapacity(parts.reduce(1) { $0 + $1.count + 1 })
        for part in parts {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes += part
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }

    /// The stream; of a name that is longer than Kinesis takes (256 characters, counted as UTF-16 to be safe), its SHA-256.
    static func partitionKey(_ key: String) -> String {
        guard key.utf16.count > 256 || key.isEmpty else { return key }
        return "sha256-" + AWSSignatureV4.hex(SHA256.hash(data: Array(key.utf8)))
    }
}
#endif
