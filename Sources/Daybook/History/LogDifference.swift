import DaybookCore

/// What happened in a whole application between two moments: the streams that were written, and by which events.
///
/// ```swift
/// let night = try await LogDifference(of: store, from: .time(closing), to: .time(opening))
/// for change in night.streams { print(change.stream, change.eventCounts) }
/// ```
public struct LogDifference: Sendable {
    /// A stream that was written in between.
    public struct StreamChange: Sendable, Hashable {
        public var stream: StreamName
        /// The versions of its first and last event in between.
        public var versions: ClosedRange<StreamVersion>
        public var eventCounts: [EventType: Int]

        public init(
            stream: StreamName, versions: ClosedRange<StreamVersion>, eventCounts: [EventType: Int]
        ) {
            self.stream = stream
            self.versions = versions
            self.eventCounts = eventCounts
        }
    }

    /// In the order in which they were first written in between.
    public private(set) var streams: [StreamChange] = []
    public private(set) var eventCounts: [EventType: Int] = [:]
    /// The positions of the first and last event in between; nil when there was none.
    public private(set) var positions: ClosedRange<Position>?

    /// - Parameter filter: The events that count.
    /// - Complexity: O(events in between) in time, O(streams written) in memory.
    public init(
        of log: any EventStore, from earlier: LogMoment, to later: LogMoment = .latest, filter: EventFilter = .all
    ) async throws(ReadError) {
        var pages = try await LogPages(of: log, filter, after: earlier, through: later)
        var indexes: [StreamName: Int] = [:]
        while let page = try await pages.next() {
            for event in page { add(event, &indexes) }
        }
    }

    private mutating func add(_ event: RecordedEvent, _ indexes: inout [StreamName: Int]) {
        eventCounts[event.type, default: 0] += 1
        positions = (positions?.lowerBound ?? event.position)...event.position
        if let index = indexes[event.stream] {
            streams[index].versions = streams[index].versions.lowerBound...event.version
            streams[index].eventCounts[event.type, default: 0] += 1
        } else {
            indexes[event.stream] = streams.count
            streams.append(
                StreamChange(
                    stream: event.stream, versions: event.version...event.version, eventCounts: [event.type: 1]))
        }
    }
}
