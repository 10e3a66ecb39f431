import DaybookCore

/// A page of events as a projection sees them: each decoded, with the keys of the documents that it changes.
///
/// Flat arrays instead of one value an event: half of a projection's time went into making and moving such values.
struct ProjectionPage<P: Projection>: Sendable {
    private(set) var outline = ProjectionOutline()
    /// What the recorded events are today, in order: one a recorded event as a rule.
    private(set) var events: [P.Event] = []

    init() {}

    init(_ page: ArraySlice<RecordedEvent>, by reader: any EventReader<P.Event>, for projection: P) {
        outline.reserveCapacity(page.count)
        events.reserveCapacity(page.count)
        for event in page { add(event, reader, projection) }
    }

    private mutating func add(_ event: RecordedEvent, _ reader: some EventReader<P.Event>, _ projection: P) {
        let (before, keyCount) = (events.count, outline.keys.count)
        do {
            for today in try reader.decode(event) {
                events.append(today)
                outline.keys.append(try projection.keys(for: today, recorded: event))
            }
        } catch {
            events.removeSubrange(before...)
            outline.keys.removeSubrange(keyCount...)
            let failure: ProjectionError =
                if let error = error as? EventDecodingError {
                    .undecodable(error)
                } else {
                    .failed(at: ProjectionError.Place(event), reason: String(describing: error))
                }
            let keys = projection.keys(forUnreadable: event)
            outline.failures[outline.recorded.count] = ProjectionOutline.Failure(
                error: failure, keys: keys?.isEmpty == true ? nil : keys)
        }
        outline.end(event)
    }

    /// Appends what follows on it.
    mutating func append(_ other: ProjectionPage) {
        outline.append(other.outline)
        events += other.events
    }
}
