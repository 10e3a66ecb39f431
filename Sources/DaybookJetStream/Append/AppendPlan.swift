#if JetStream
import DaybookCore

/// The messages of one append, with the expectations under which the server takes all of them or none.
///
/// Order: fillers, receipt, tag markers, then events and control events in the order of the request's writes. So the last
/// message of the log is an event, unless an append has none.
struct AppendPlan: Sendable {
    struct Message: Sendable {
        var subject: String
        var body: [UInt8]
        /// The sequence that the last message of ``expectedSubject`` must have; 0 for none.
        var expected: Int64?
        /// Nil for the message's own subject.
        var expectedSubject: String?
    }

    var messages: [Message] = []
    /// Tells this plan's messages from those of every other one.
    let number = UInt64.random(in: .min ... .max)
    /// The sequence that the whole log must end at.
    var expectedLast: Int64?
    /// The heads of the written streams as they are when the append is stored, with sequences relative to its last message.
    var heads: [(subject: String, head: StreamHead, relative: Relative)] = []
    /// The result, but for position and time.
    var result: AppendResult
    /// Whether the position is that of the append's own last message.
    var hasEvents: Bool

    /// Which sequences of a head count from the append's last message (0, -1, …).
    struct Relative: Sendable {
        var lastEvent = false
        var firstEvent = false
        var lastControl = false
    }

    /// A subject on which this append was the only one to come next: where to look whether it came.
    ///
    /// A written stream where there is one: where that ends is part of all that is read anew, so that a replica which has not
    /// come so far is noticed.
    var witness: (subject: String, after: Int64)? {
        let own = Set(heads.map(\.subject))
        let expecting = messages.filter { $0.expectedSubject == nil && $0.expected != nil }
        let chosen = expecting.first { own.contains($0.subject) } ?? expecting.first
        return chosen.flatMap { message in message.expected.map { (message.subject, $0) } }
    }
}

extension AppendPlan {
    /// Plans a request that was decided to be recorded.
    init(
        recording request: AppendRequest, digest: UInt64, knowledge: AppendKnowledge, subjects: LogSubjects
    ) {
        let number = self.number
        var ends: [AppendResult.StreamEnd] = []
        var eventCount = 0
        var bodies: [(subject: String, expected: Int64?, kind: LogRecord.Kind, encode: (LogRecord.Place) -> [UInt8])] =
            []
        var tagged: [Tag: [Int]] = [:]
        var tagOrder: [Tag] = []
        var heads: [(subject: String, head: StreamHead, relative: Relative)] = []
        for write in request.writes {
            guard let subject = subjects.subject(of: write.stream) else { continue }
            let before = knowledge.heads[subject] ?? .none
            var head = before
            var relative = Relative()
            if case .append(let events) = write.action {
                for (number, event) in events.enumerated() {
                    var part = before.part
                    part.eventCount = before.part.eventCount + Int64(number) + 1
                    part.previousControl = before.part.lastControl
                    let stream = part
                    for tag in event.distinctTags {
                        if tagged[tag] == nil { tagOrder.append(tag) }
                        tagged[tag, default: []].append(bodies.count)
                    }
                    bodies.append(
                        (
                            subject, number == 0 ? before.sequence : nil, .event,
                            { LogRecord.encode(event, place: $0, stream: stream) }
                        ))
                }
                head.part.eventCount += Int64(events.count)
                head.part.lastEventID = events.last?.id ?? head.part.lastEventID
                head.part.lastEvent = Int64(bodies.count - 1)
                relative.lastEvent = true
                if before.part.eventCount == 0 {
                    head.part.firstEvent = Int64(bodies.count - events.count)
                    relative.firstEvent = true
                }
                eventCount += events.count
            } else if let (control, event) = before.control.applying(write, lastVersion: before.lastVersion) {
                head.control = control
                var part = before.part
                part.controlCount += 1
                part.previousControl = before.part.lastControl
                let stream = part
                bodies.append(
                    (
                        subject, before.sequence, .control,
                        { LogRecord.encode(event, place: $0, stream: stream) }
                    ))
                head.part.controlCount += 1
                head.part.previousControl = before.part.lastControl
                head.part.lastControl = Int64(bodies.count - 1)
                relative.lastControl = true
                eventCount += 1
            }
            head.sequence = Int64(bodies.count - 1)
            heads.append((subject, head, relative))
            ends.append(AppendResult.StreamEnd(stream: write.stream, version: head.lastVersion))
        }
        let count = bodies.count
        // Sequences of heads so far are indexes of messages; the last message of the append is at 0.
        for index in heads.indices {
            let shift = Int64(count - 1)
            heads[index].head.sequence -= shift
            if heads[index].relative.lastEvent { heads[index].head.part.lastEvent -= shift }
            if heads[index].relative.firstEvent { heads[index].head.part.firstEvent -= shift }
            if heads[index].relative.lastControl { heads[index].head.part.lastControl -= shift }
        }
        result = AppendResult(
            streams: ends, position: .start, eventCount: eventCount, recordedAt: Timestamp(microseconds: 0))
        hasEvents = true

        var front: [(subject: String, expected: Int64?, kind: LogRecord.Kind, encode: (LogRecord.Place) -> [UInt8])] =
            []
        if let commandID = request.commandID {
            let result = result
            front.append(
                (
                    subjects.subject(of: commandID), 0, .receipt,
                    { ReceiptRecord.encode(result, digest: digest, isOwn: true, place: $0) }
                ))
        }
        let guards = Self.guards(of: request, knowledge: knowledge, subjects: subjects)
        expectedLast = guards.whole
        var others = guards.others
        for tag in tagOrder {
            let places = tagged[tag] ?? []
            let ahead = count
            front.append(
                (
                    subjects.subject(of: tag), others.removeValue(forKey: subjects.subject(of: tag)), .tag,
                    { place in
                        // `remaining` counts to the last event; event `i` of `count` stands so far before it.
                        LogRecord.encodeTag(
                            places.map { place.remaining - Int64(ahead - 1 - $0) }, place: place)
                    }
                ))
        }
        for written in heads { others.removeValue(forKey: written.subject) }
        // What is expected of other subjects rides on messages that expect nothing of their own.
        var hosted: [Int: (String, Int64)] = [:]
        var free = front.indices.filter { front[$0].expected == nil }[...]
        var fillers: [(String, Int64)] = []
        for (subject, sequence) in others.sorted(by: { $0.key < $1.key }) {
            if let index = free.popFirst() {
                hosted[index] = (subject, sequence)
            } else {
                fillers.append((subject, sequence))
            }
        }
        let total = fillers.count + front.count + count
        func place(_ kind: LogRecord.Kind, _ index: Int) -> LogRecord.Place {
            LogRecord.Place(kind: kind, index: Int64(index), remaining: Int64(total - 1 - index), append: number)
        }
        messages.reserveCapacity(total)
        for (subject, sequence) in fillers {
            messages.append(
                Message(
                    subject: subjects.filler, body: LogRecord.encodeFiller(place: place(.filler, messages.count)),
                    expected: sequence, expectedSubject: subject))
        }
        for (index, item) in front.enumerated() {
            messages.append(
                Message(
                    subject: item.subject, body: item.encode(place(item.kind, messages.count)),
                    expected: item.expected ?? hosted[index]?.1, expectedSubject: hosted[index]?.0))
        }
        for item in bodies {
            messages.append(
                Message(
                    subject: item.subject, body: item.encode(place(item.kind, messages.count)), expected: item.expected)
            )
        }
        self.heads = heads
    }

    /// Plans the receipt of a command that writes no event, or whose events are recorded already.
    init(
        remembering result: AppendResult, of commandID: CommandID, digest: UInt64,
        expectedLast: Int64?, subjects: LogSubjects
    ) {
        self.result = result
        self.expectedLast = expectedLast
        hasEvents = false
        var first = result
        first.isRepeat = false
        messages = [
            Message(
                subject: subjects.subject(of: commandID),
                body: ReceiptRecord.encode(
                    first, digest: digest, isOwn: false,
                    place: LogRecord.Place(kind: .receipt, index: 0, remaining: 0, append: number)),
                expected: 0)
        ]
    }

    /// What a request expects beside the last message of each stream that it writes.
    private static func guards(
        of request: AppendRequest, knowledge: AppendKnowledge, subjects: LogSubjects
    ) -> (others: [String: Int64], whole: Int64?) {
        var others: [String: Int64] = [:]
        var whole: Int64?
        for check in request.checks where check.expected != .any {
            guard let subject = subjects.subject(of: check.stream) else { continue }
            others[subject] = (knowledge.heads[subject] ?? .none).sequence
        }
        for item in request.condition?.failIfEventsMatch.items ?? [] {
            // One tag of each item is enough: whatever fits the item has it. The one that was last used longest ago.
            if let (tag, sequence) = item.tags.map({ ($0, knowledge.tags[$0] ?? 0) })
                .min(by: { ($0.1, $0.0) < ($1.1, $1.0) })
            {
                others[subjects.subject(of: tag)] = sequence
            } else {
                whole = knowledge.lastSequence
            }
        }
        if whole != nil { for tag in knowledge.tags.keys { others.removeValue(forKey: subjects.subject(of: tag)) } }
        return (others, whole)
    }
}
#endif
