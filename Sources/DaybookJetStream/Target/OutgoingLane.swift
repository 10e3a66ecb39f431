#if JetStream
import Daybook
import DaybookCore

/// The events of one stream that a call has still to send, in order, and what is known of their subject. No input or output.
struct OutgoingLane: Sendable {
    struct Entry: Sendable {
        let message: PublisherMessage
        /// Whether the message has all that it needs when this one is stored.
        let isLast: Bool
        /// What the servers know it by.
        let id: String
        let place: PublishedPlace?
        let outgoing: OutgoingMessage
        /// Bytes of headers and body.
        let size: Int

        var headerSize: Int { size - outgoing.body.count }
    }

    /// What stands last on the subject.
    enum Head: Sendable, Equatable {
        case unknown
        /// What this process was acknowledged last; 0 for nothing.
        case remembered(Int64)
        /// What the servers said when they were asked.
        case asked(Int64)

        var sequence: Int64? {
            switch self {
            case .unknown: nil
            case .remembered(let sequence), .asked(let sequence): sequence
            }
        }
    }

    let subject: String
    private(set) var entries: ArraySlice<Entry>
    var head: Head
    /// Some of it may be stored already, so that it is sent one by one until one is not.
    var isOneByOne = false
    /// How often the subject was found changed since it was asked for.
    var conflicts = 0

    init(subject: String, entries: [Entry], head: Head) {
        self.subject = subject
        self.entries = entries[...]
        self.head = head
    }

    var isOver: Bool { entries.isEmpty }

    /// The same with its first entries alone.
    func first(_ count: Int) -> OutgoingLane {
        var lane = self
        lane.entries = entries.prefix(count)
        return lane
    }

    /// The first ones are stored, the last of them at a sequence.
    mutating func stored(_ count: Int, at sequence: Int64) {
        take(count)
        head = .remembered(sequence)
        conflicts = 0
        isOneByOne = false
    }

    /// The first one was stored before: the subject is as it was.
    mutating func wasStored() { take(1) }

    /// The last message on a subject.
    struct Last: Sendable {
        var sequence: Int64
        /// When the leader took it.
        var time: Timestamp
        var id: String?
        var place: PublishedPlace?
    }

    /// The servers were asked for the last message on the subject; nil when there is none.
    ///
    /// - Parameter stored: The identifiers of messages in front of it, as far as they were asked for.
    mutating func found(_ last: Last?, stored: Set<String> = []) {
        head = .asked(last?.sequence ?? 0)
        // What stands before it was stored before it, since nothing is sent behind what is not acknowledged.
        let index = entries.lastIndex { $0.id == last?.id || stored.contains($0.id) }
        if let index { take(index - entries.startIndex + 1) }
    }

    /// Whether some of it may stand in front of the last message, although that is none of it: an earlier call may have been cut in
    /// another way.
    func mayStandBefore(_ last: Last) -> Bool {
        !entries.contains { $0.id == last.id } && entries.contains { last.place?.isBehind($0.place) == true }
    }

    private mutating func take(_ count: Int) {
        for entry in entries.prefix(count) where entry.isLast { entry.message.answer(.acknowledged) }
        entries = entries.dropFirst(count)
    }

    /// Nothing more of it is sent.
    mutating func fail(_ error: JetStreamBusError) {
        entries.first?.message.answer(.failed(reason: error.description))
        entries = []
    }

    /// The first event will never be taken.
    mutating func refuse(_ error: JetStreamBusError) {
        entries.first?.message.answer(.refused(reason: error.description))
        entries = []
    }
}
#endif
