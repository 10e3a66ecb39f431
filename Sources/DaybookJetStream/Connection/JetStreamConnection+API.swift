#if JetStream
import DaybookCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the JetStream API offers, as far as it is used: streams, acknowledged publishes, reads from the leader and reads
/// from any replica (ADR-31).
extension JetStreamConnection {
    /// Asks the JetStream API, and decodes its answer.
    ///
    /// - Parameter subject: Without `$JS.API.`, as `STREAM.INFO.ES`.
    func api<Answer: Decodable & Sendable>(
        _ subject: String, _ json: String = "", timeout: Duration
    ) async throws(ConnectionFailure) -> Answer {
        try await request(
            [OutgoingMessage(subject: "$JS.API." + subject, body: Array(json.utf8))], timeout: timeout
        ) { message in
            let body = message.body
            // A refusal says so right behind its type: an answer of a megabyte is not read twice.
            if UnsafeRawBufferPointer(rebasing: message.bytes.prefix(200)).firstRange(of: "\"error\":{") != nil,
                let refused = try? JSONDecoder.nats.decode(APIRefusal.self, from: Data(body))
            {
                return .failure(
                    .refused(
                        code: refused.error.errCode ?? refused.error.code, description: refused.error.description ?? ""
                    ))
            }
            do {
                return .success(try JSONDecoder.nats.decode(Answer.self, from: Data(body)))
            } catch {
                return .failure(.unreadable("\(subject): \(String(decoding: body.prefix(200), as: UTF8.self))"))
            }
        }
    }

    /// Publishes a message, or the messages of an atomic batch in order, and waits for the one acknowledgement.
    func publishAcknowledged(
        _ messages: [OutgoingMessage], timeout: Duration
    ) async throws(ConnectionFailure) -> PublishAck {
        try await request(messages, timeout: timeout) { PublishAck.read($0.bytes) }
    }

    /// The last message on a subject, with or without wildcards, as the stream's leader has it; nil when there is none.
    func lastMessage(
        on subject: String, in stream: String, timeout: Duration
    ) async throws(ConnectionFailure) -> StoredMessage? {
        try await leaderMessage("{\"last_by_subj\":\"\(subject.escapedForJSON)\"}", in: stream, timeout: timeout)
    }

    /// The first message at or above a sequence on a subject, as the leader has it; nil when there is none.
    func nextMessage(
        from sequence: Int64, on subject: String, in stream: String, timeout: Duration
    ) async throws(ConnectionFailure) -> StoredMessage? {
        try await leaderMessage(
            "{\"seq\":\(sequence),\"next_by_subj\":\"\(subject.escapedForJSON)\"}", in: stream, timeout: timeout)
    }

    private func leaderMessage(
        _ json: String, in stream: String, timeout: Duration
    ) async throws(ConnectionFailure) -> StoredMessage? {
        do throws(ConnectionFailure) {
            let answer: MessageAnswer = try await api("STREAM.MSG.GET.\(stream)", json, timeout: timeout)
            guard let time = Timestamp(answer.message.time) else {
                throw .unreadable("time \(answer.message.time)")
            }
            return StoredMessage(
                sequence: answer.message.seq, subject: answer.message.subject, time: time,
                body: answer.message.data.map { Array($0) } ?? [], headers: answer.message.hdrs.map { Array($0) } ?? [])
        } catch {
            guard case .refused(10037, _) = error else { throw error }
            return nil
        }
    }

    /// Some messages from whichever replica answers first, which may be behind the leader.
    struct DirectPage: Sendable {
        var messages: [StoredMessage] = []
        /// How many more there were behind the last one, when the replica answered.
        var pending: Int64 = 0
        /// Of a read of last messages: the sequence that the replica had reached.
        var upTo: Int64?
    }

    /// Messages from a sequence on, of a subject with or without wildcards.
    ///
    /// - Parameter bytes: Ends the page behind the message that reaches it.
    ///
    /// - Parameter withIdentifiers: Whether the messages' headers have what the servers know them by; they have none otherwise.
    func directMessages(
        from sequence: Int64, on subject: String, limit: Int, bytes: Int, in stream: String,
        withIdentifiers: Bool = false, timeout: Duration
    ) async throws(ConnectionFailure) -> DirectPage {
        try await direct(
            "{\"seq\":\(max(sequence, 1)),\"next_by_subj\":\"\(subject.escapedForJSON)\",\"batch\":\(limit),"
                + "\"max_bytes\":\(bytes)}", in: stream, withIdentifiers: withIdentifiers, timeout: timeout)
    }

    /// The first message taken at or after a time.
    func directMessage(
        since time: Timestamp, on subject: String, in stream: String, timeout: Duration
    ) async throws(ConnectionFailure) -> StoredMessage? {
        try await direct(
            "{\"start_time\":\"\(time)\",\"next_by_subj\":\"\(subject.escapedForJSON)\",\"batch\":1}", in: stream,
            timeout: timeout
        ).messages.first
    }

    /// The last message of each of some subjects, all as of one moment.
    ///
    /// - Parameters:
    ///   - subjects: With wildcards or without, at most 1,024 that have a message; above, it is refused with 413.
    ///   - sequence: Messages before it are left out.
    ///   - end: Where the stream is taken to end, whether the replica that answers has come so far or not; nil for its own end.
    func directLastMessages(
        on subjects: [String], from sequence: Int64 = 0, upTo end: Int64? = nil, in stream: String, timeout: Duration
    ) async throws(ConnectionFailure) -> DirectPage {
        let list = subjects.map { "\"\($0.escapedForJSON)\"" }.joined(separator: ",")
        let first = sequence > 0 ? ",\"seq\":\(sequence)" : ""
        let last = end.map { ",\"up_to_seq\":\($0)" } ?? ""
        return try await direct("{\"multi_last\":[\(list)]\(first)\(last)}", in: stream, timeout: timeout)
    }

    private func direct(
        _ json: String, in stream: String, withIdentifiers: Bool = false, timeout: Duration
    ) async throws(ConnectionFailure) -> DirectPage {
        let reader = DirectPageReader(withIdentifiers: withIdentifiers)
        return try await requestMany(
            [OutgoingMessage(subject: "$JS.API.DIRECT.GET.\(stream)", body: Array(json.utf8))], ofLeader: false,
            timeout: timeout
        ) { message in reader.take(message) }
    }
}

/// Gathers the messages of one direct read. Its calls come one after another, on one thread of libnats.
private final class DirectPageReader: @unchecked Sendable {
    private var page = JetStreamConnection.DirectPage()
    private let withIdentifiers: Bool

    init(withIdentifiers: Bool) { self.withIdentifiers = withIdentifiers }

    func take(
        _ message: borrowing IncomingMessage
    ) -> Result<JetStreamConnection.DirectPage, ConnectionFailure>? {
        let sequence = message.number("Nats-Sequence")
        // What a stream has comes with its sequence; a status in it is its sender's.
        if sequence == nil, let status = message.status {
            switch status {
            case 204:
                guard isNext(message) else { return .failure(.incomplete) }
                page.pending = message.number("Nats-Num-Pending") ?? 0
                page.upTo = message.number("Nats-UpTo-Sequence")
                return .success(page)
            case 404: return .success(page)
            default:
                return .failure(.refused(code: status, description: message.header("Description") ?? "direct read"))
            }
        }
        guard let sequence, let subject = message.header("Nats-Subject"),
            let time = message.header("Nats-Time-Stamp").flatMap({ Timestamp($0) })
        else { return .failure(.unreadable("a direct read without sequence, subject or time")) }
        guard isNext(message) else { return .failure(.incomplete) }
        var stored = StoredMessage(sequence: sequence, subject: subject, time: time, body: message.body)
        if withIdentifiers, let id = message.header(MessageHeader.messageID) {
            stored.headers = Array("\(MessageHeader.messageID): \(id)\r\n".utf8)
        }
        page.messages.append(stored)
        return nil
    }

    /// Whether none before it was lost: they come without flow control, and each says which one was sent before it.
    private func isNext(_ message: borrowing IncomingMessage) -> Bool {
        let last = page.messages.last?.sequence ?? 0
        return (message.number("Nats-Last-Sequence") ?? last) == last
    }
}

private struct APIRefusal: Decodable {
    struct Reason: Decodable {
        var code: Int
        var errCode: Int?
        var description: String?
    }
    var error: Reason
}

private struct MessageAnswer: Decodable, Sendable {
    struct Message: Decodable, Sendable {
        var subject: String
        var seq: Int64
        var hdrs: Data?
        var data: Data?
        var time: String
    }
    var message: Message
}

extension JSONDecoder {
    /// Reads what the servers write, whose names are in snake case.
    static var nats: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }
}

extension String {
    /// With the characters escaped that end or escape a JSON string.
    fileprivate var escapedForJSON: String {
        guard utf8.contains(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else { return self }
        var text = ""
        for character in unicodeScalars {
            if character == "\"" || character == "\\" { text.unicodeScalars.append("\\") }
            text.unicodeScalars.append(character)
        }
        return text
    }
}
#endif
