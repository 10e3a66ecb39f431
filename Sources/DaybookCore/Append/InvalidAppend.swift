/// A rule that an append request breaks, with the value that breaks it.
public enum InvalidAppend: Error, Equatable, CustomStringConvertible {
    /// Nothing to write, and no command to remember.
    case empty
    /// A write without events.
    case noEvents(stream: StreamName)
    /// A stream is written twice, or written and checked.
    case repeatedStream(StreamName)
    case name(InvalidName)
    case tooManyEvents(Int)
    case tooManyStreams(Int)
    case eventTooLarge(id: EventID, bytes: Int)
    /// The metadata of a change of settings or of a deletion, above ``Limits/eventBytes``.
    case metadataTooLarge(stream: StreamName, bytes: Int)
    case requestTooLarge(bytes: Int)
    case tooManyTags(id: EventID, count: Int)
    /// One identifier twice in one request.
    case repeatedEventID(EventID)
    case queryTooLarge(items: Int, terms: Int)
    /// A condition without items, or after a position that the log has not reached.
    case emptyCondition
    case conditionBeyondHead(after: Position, head: Position)
    /// A bound of a retention that is zero or negative.
    case retention(Retention)

    public var description: String {
        switch self {
        case .empty: "The request writes nothing: add events, or a command identifier."
        case .noEvents(let stream): "The write to stream '\(stream)' has no events: add one, or leave the write out."
        case .repeatedStream(let stream):
            "Stream '\(stream)' is named twice: join its writes, and do not check it as well."
        case .name(let error): error.description
        case .tooManyEvents(let count):
            "The request has \(count) events; the limit is \(Limits.eventsPerAppend): split it."
        case .tooManyStreams(let count):
            "The request names \(count) streams; the limit is \(Limits.streamsPerAppend): split it."
        case .eventTooLarge(let id, let bytes):
            "Event \(id) has \(bytes) bytes of data and metadata; the limit is \(Limits.eventBytes): store the payload "
                + "elsewhere and record where."
        case .metadataTooLarge(let stream, let bytes):
            "The metadata of the change to stream '\(stream)' has \(bytes) bytes; the limit is \(Limits.eventBytes)."
        case .requestTooLarge(let bytes):
            "The request has \(bytes) bytes of data and metadata; the limit is \(Limits.appendBytes): split it."
        case .tooManyTags(let id, let count):
            "Event \(id) has \(count) tags; the limit is \(Limits.tagsPerEvent)."
        case .repeatedEventID(let id): "Event identifier \(id) stands twice in the request: give each event its own."
        case .queryTooLarge(let items, let terms):
            "The query has \(items) items and \(terms) types and tags; the limits are \(Limits.itemsPerQuery) and "
                + "\(Limits.termsPerQuery)."
        case .emptyCondition: "The condition has no items, so that it could never fail: leave it out."
        case .conditionBeyondHead(let after, let head):
            "The condition is after position \(after), but the log ends at \(head): use a position read from this log."
        case .retention(let retention):
            "The retention \(retention) has a bound below its least value: use an age above zero, a count of at least 1, "
                + "and a version of at least 0."
        }
    }
}
