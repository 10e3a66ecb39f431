import DaybookCore

/// Whether a program can read a log: what came of decoding every event of it.
public struct DecodingReport: Sendable {
    /// Events that were read, by their recorded type and schema version.
    public struct Kind: Sendable, Hashable, Comparable, CustomStringConvertible {
        public var type: EventType
        public var schemaVersion: UInt32

        public init(type: EventType, schemaVersion: UInt32) {
            self.type = type
            self.schemaVersion = schemaVersion
        }

        public static func < (left: Kind, right: Kind) -> Bool {
            (left.type.rawValue, left.schemaVersion) < (right.type.rawValue, right.schemaVersion)
        }

        public var description: String { "\(type) (version \(schemaVersion))" }
    }

    public private(set) var eventCounts: [Kind: Int] = [:]
    /// Events of which decoding failed, by kind.
    public private(set) var failureCounts: [Kind: Int] = [:]
    /// The first failures, by position; at most as many as were asked for.
    public private(set) var failures: [EventDecodingError] = []

    /// Whether every event could be read.
    public var isClean: Bool { failureCounts.isEmpty }

    /// Decodes every event that a type of events takes from the log, as projections and deciders would: before a new
    /// version of a program goes into use, over the real log.
    ///
    /// - Parameters:
    ///   - filter: The events that are read; by default those of the type. With `.all`, an event that is of none of
    ///     its cases is a failure too: give the union of all enums of a program to find the events that nobody reads.
    ///   - keepingFirst: How many failures to keep. All are counted.
    ///   - progress: Called after each page with the position reached and the log's head.
    /// - Complexity: O(events), one page in memory.
    public init<Event: ReadableEvent>(
        reading type: Event.Type, from log: any EventStore, filter: EventFilter? = nil,
        by reader: any EventReader<Event> = Event.makeReader(), keepingFirst: Int = 100,
        progress: (Position, Position) -> Void = { _, _ in }
    ) async throws(ReadError) {
        try await self.init(
            reading: log, by: reader, filter: filter ?? EventFilter(Event.eventTypes), keepingFirst: keepingFirst,
            progress: progress)
    }

    /// Decodes every event that passes a filter by any reader, such as a ``SchemaLockReader``.
    ///
    /// - Complexity: O(events), one page in memory.
    public init<Event>(
        reading log: any EventStore, by reader: any EventReader<Event>, filter: EventFilter = .all,
        keepingFirst: Int = 100, progress: (Position, Position) -> Void = { _, _ in }
    ) async throws(ReadError) {
        var pages = try await LogPages(of: log, filter, through: .latest)
        while let page = try await pages.next() {
            for event in page {
                let kind = Kind(type: event.type, schemaVersion: event.schemaVersion)
                eventCounts[kind, default: 0] += 1
                do { _ = try reader.decode(event) } catch {
                    failureCounts[kind, default: 0] += 1
                    if failures.count < keepingFirst { failures.append(error) }
                }
            }
            progress(pages.reached, pages.end)
        }
    }
}
