import DaybookCore

/// A page of events as a projection sees them: each decoded, with the keys of the documents that it changes.
///
/// Flat arrays instead of one value an event: half of a projection's time went into making and moving such values.
struct ProjectionPage<P: Projection>: Sendable {
    /// Why an event cannot be folded, and the keys that stop before it, nil when these cannot be told.
    struct Failure: Sendable {
        var error: ProjectionError
        var keys: [String]?
    }

    private(set) var recorded: [RecordedEvent] = []
    /// What the recorded events are today, in order: one a recorded event as a rule.
    private(set) var events: [P.Event] = []
    /// The keys of each of them.
    private(set) var keys: [[String]] = []
    /// Where the events of each recorded event end.
    private(set) var ends: [Int] = []
    /// By the number of the recorded event. It has no events.
    private(set) var failures: [Int: Failure] = [:]

    init() {}

    init(_ page: ArraySlice<RecordedEvent>, by reader: any EventReader<P.Event>, for projection: P) {
        recorded.reserveCapacity(page.count)
        events.reserveCapacity(page.count)
        keys.reserveCapacity(page.count)
        ends.reserveCapacity(page.count)
        for event in page { add(event, reader, projection) }
    }

    private mutating func add(_ event: RecordedEvent, _ reader: some EventReader<P.Event>, _ projection: P) {
        let before = events.count
        do {
            for today in try reader.decode(event) {
                events.append(today)
                keys.append(try projection.keys(for: today, recorded: event))
            }
        } catch {
            events.removeSubrange(before...)
            keys.removeSubrange(before...)
            let failure: ProjectionError =
                if let error = error as? EventDecodingError {
                    .undecodable(error)
                } else {
                    .failed(at: ProjectionError.Place(event), reason: String(describing: error))
                }
            let keys = projection.keys(forUnreadable: event)
            failures[recorded.count] = Failure(error: failure, keys: keys?.isEmpty == true ? nil : keys)
        }
        recorded.append(event)
        ends.append(events.count)
    }

    /// Appends what follows on it.
    mutating func append(_ other: ProjectionPage) {
        let (count, offset) = (recorded.count, events.count)
        recorded += other.recorded
        events += other.events
        keys += other.keys
        for end in other.ends { ends.append(end + offset) }
        for (index, failure) in other.failures { failures[index + count] = failure }
    }

    /// The events of a recorded event.
    func parts(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }
}
