#if JetStream
import DaybookCore

/// What an append is decided on. What is not known is asked for: the decision stops, the store loads it, and decides anew.
struct AppendKnowledge: AppendBasis {
    enum Missing {
        case stream(StreamName)
        case places(StreamName, from: StreamVersion, count: Int)
        case match
    }

    /// Whether everything here was read from the leader for this decision, at one moment; what was remembered of earlier
    /// appends may be out of date, which the server's check of the expectations finds out.
    var isFresh: Bool
    var head: Position = .start
    /// The sequence of the last message of any kind.
    var lastSequence: Int64 = 0
    /// By subject. Streams without any message are here too.
    var heads: [String: StreamHead] = [:]
    /// The last marker of each tag of the condition; 0 for none.
    var tags: [Tag: Int64] = [:]
    /// The position of the last event of each tag of the condition; 0 for none.
    var tagEnds: [Tag: Int64] = [:]
    /// Where each subject that was read ended at that moment, and 0 for one without a message.
    var ends: [String: Int64] = [:]
    var receipts: [CommandID: Receipt] = [:]
    var places: [String: [EventPlace?]] = [:]
    /// The first event that fits the condition; nil when it was not looked for, nil inside when there is none.
    var match: Position??
    private(set) var missing: Missing?

    let subjects: LogSubjects

    init(subjects: LogSubjects, isFresh: Bool) {
        self.subjects = subjects
        self.isFresh = isFresh
    }

    /// Whether a plan was not stored at the moment of this knowledge, and never will be: something was there that it
    /// expected not to be.
    func rulesOut(_ plan: AppendPlan) -> Bool {
        guard let witness = plan.witness, let end = ends[witness.subject], end <= witness.after else { return false }
        if let last = plan.expectedLast, lastSequence > last { return true }
        return plan.messages.contains { message in
            message.expected.map { (ends[message.expectedSubject ?? message.subject] ?? 0) > $0 } ?? false
        }
    }

    mutating func forgetMissing() { missing = nil }

    private mutating func miss(_ missing: Missing) -> AppendError {
        self.missing = missing
        return .storageFailed(reason: "not loaded", mayBeWritten: false)
    }

    private mutating func head(of stream: StreamName) throws(AppendError) -> StreamHead {
        guard let subject = subjects.subject(of: stream) else { return .none }
        guard let head = heads[subject] else { throw miss(.stream(stream)) }
        return head
    }

    mutating func control(of stream: StreamName) throws(AppendError) -> StreamControl {
        stream.isControl ? StreamControl() : try head(of: stream).control
    }

    mutating func lastVersion(of stream: StreamName) throws(AppendError) -> StreamVersion? {
        let head = try head(of: stream)
        guard stream.isControl else { return head.lastVersion }
        return head.part.controlCount == 0 ? nil : StreamVersion(head.part.controlCount - 1)
    }

    mutating func lastEventID(of stream: StreamName) throws(AppendError) -> EventID? {
        let head = try head(of: stream)
        return head.part.eventCount == 0 ? nil : head.part.lastEventID
    }

    mutating func places(
        of stream: StreamName, from version: StreamVersion, count: Int
    ) throws(AppendError) -> [EventPlace?] {
        guard let found = places[Self.key(stream, version, count)] else {
            throw miss(.places(stream, from: version, count: count))
        }
        return found
    }

    mutating func receipt(for command: CommandID) throws(AppendError) -> Receipt? { receipts[command] }

    mutating func firstMatch(of query: EventQuery, after position: Position) throws(AppendError) -> Position? {
        guard let match else { throw miss(.match) }
        return match
    }

    /// Of places. Names that differ in their bytes alone are the same text to Swift, and tokens are not.
    static func key(_ stream: StreamName, _ version: StreamVersion, _ count: Int) -> String {
        "\(version)+\(count) \(LogSubjects.token(stream.rawValue))"
    }
}
#endif
