import DaybookCore

/// What a page of events is about, without the events of today themselves.
///
/// It is not generic: code of a generic type that is not specialised looks its types up at each step of a loop, which was a
/// quarter of a fold's time.
struct ProjectionOutline: Sendable {
    /// Why an event cannot be folded, and the keys that stop before it, nil when these cannot be told.
    struct Failure: Sendable {
        var error: ProjectionError
        var keys: [String]?
    }

    private(set) var recorded: [RecordedEvent] = []
    /// The keys of each event of today.
    var keys: [[String]] = []
    /// Where the events of each recorded event end.
    private var ends: [Int] = []
    /// By the number of the recorded event. It has no events.
    var failures: [Int: Failure] = [:]

    mutating func reserveCapacity(_ count: Int) {
        recorded.reserveCapacity(count)
        keys.reserveCapacity(count)
        ends.reserveCapacity(count)
    }

    /// Adds a recorded event, of which the last keys are.
    mutating func end(_ event: RecordedEvent) {
        recorded.append(event)
        ends.append(keys.count)
    }

    /// Appends what follows on it.
    mutating func append(_ other: ProjectionOutline) {
        let (count, offset) = (recorded.count, keys.count)
        recorded += other.recorded
        keys += other.keys
        for end in other.ends { ends.append(end + offset) }
        for (index, failure) in other.failures { failures[index + count] = failure }
    }

    /// The events of a recorded event.
    func parts(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }
}
