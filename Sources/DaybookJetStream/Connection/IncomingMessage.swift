#if JetStream
import CNATS

/// A message from the server, as libnats holds it: valid only within the call that hands it over, on libnats' thread.
struct IncomingMessage: ~Copyable {
    private let message: OpaquePointer

    init(borrowing message: OpaquePointer) { self.message = message }

    /// For what libnats offers beyond this.
    func withRawMessage(_ body: (OpaquePointer) -> Void) { body(message) }

    var subject: String { natsMsg_GetSubject(message).map { String(cString: $0) } ?? "" }

    /// The subject to answer on; an acknowledgement of a consumer's message goes there.
    var reply: String? { natsMsg_GetReply(message).map { String(cString: $0) } }

    /// What the consumer that delivered it says of it; nil when none did.
    var delivery: ConsumerDelivery? { natsMsg_GetReply(message).flatMap { ConsumerDelivery($0) } }

    /// The subject, out of those met before where it is one of them.
    func subject(among known: inout KnownSubjects) -> String {
        natsMsg_GetSubject(message).map { known.text($0) } ?? ""
    }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: natsMsg_GetData(message), count: Int(natsMsg_GetDataLength(message)))
    }

    var body: [UInt8] { Array(bytes) }

    /// Nobody listens on the subject that was asked. What a stream has may say so, too, by a header of its sender's: it
    /// comes with a reply subject or with its sequence.
    var isNoResponders: Bool {
        natsMsg_IsNoResponders(message) && natsMsg_GetReply(message) == nil && number("Nats-Sequence") == nil
    }

    func header(_ name: String) -> String? {
        var value: UnsafePointer<CChar>?
        guard natsMsgHeader_Get(message, name, &value) == NATS_OK, let value else { return nil }
        return String(cString: value)
    }

    func number(_ name: String) -> Int64? {
        var value: UnsafePointer<CChar>?
        guard natsMsgHeader_Get(message, name, &value) == NATS_OK, var digit = value, digit.pointee != 0 else {
            return nil
        }
        var number: Int64 = 0
        while digit.pointee != 0 {
            let next = digit.pointee &- 48
            guard (0...9).contains(next) else { return nil }
            number = number &* 10 &+ Int64(next)
            digit += 1
        }
        return number
    }

    /// The status line of a message without data of its own: 204 at the end of a batch, 404, 408. A sender's header may
    /// be taken for one: it is asked for only of what is no message of a stream.
    var status: Int? { bytes.isEmpty ? number("Status").map { Int($0) } : nil }
}
#endif
