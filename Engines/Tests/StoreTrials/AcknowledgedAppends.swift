import DaybookCore

/// What writers were told of their appends, to be held against the log when all is over.
public struct AcknowledgedAppends: Sendable {
    public struct Append: Sendable {
        /// There were to be no events with a tag behind a position.
        public struct Condition: Sendable {
            var tag: DaybookCore.Tag
            var after: Position
        }

        var ids: [EventID]
        var result: AppendResult
        var condition: Condition?
    }

    /// One thing that no store does to appends that were sent once.
    public struct Violation: Sendable, CustomStringConvertible {
        public enum Kind: Sendable, CaseIterable {
            /// No event, or not every event, of an acknowledged append is in the log.
            case lost, torn
            /// Not every event, and not none, of an append whose outcome is unknown is in the log.
            case tornUnknown
            /// An event is in the log a second time.
            case twice
            /// An event is in the log that nobody appended, or whose append was refused.
            case unasked
            case versionGap
            case positionGoesBack
            /// An append was acknowledged with another position, or another version, than the log has.
            case otherPosition, otherVersion
            /// Between the events of an append stands something else.
            case scattered
            case brokenCondition
            /// A writer was told that it repeats, though it asked once, and the way to the store makes no repeats.
            case toldRepeat
        }

        public var kind: Kind
        var message: String

        public var description: String { "\(kind): \(message)" }
    }

    public internal(set) var told: [Append] = []
    /// The events of each append of which nobody knows whether it was written.
    public internal(set) var unknown: [[EventID]] = []
    /// Whether an append whose answer was lost is made again on the way to the store, and told as a repeat when it was recorded.
    public var mayRepeat: Bool

    public init(mayRepeat: Bool = false) { self.mayRepeat = mayRepeat }

    /// Everything in which a log is not what the writers were told.
    ///
    /// - Parameter log: Every event, in the order of positions, read when all appends were over.
    public func violations(in log: [RecordedEvent]) -> [Violation] {
        var violations: [Violation] = []
        func report(_ kind: Violation.Kind, _ message: String) {
            violations.append(Violation(kind: kind, message: message))
        }
        var recorded: [EventID: RecordedEvent] = [:]
        var versions: [StreamName: StreamVersion] = [:]
        var tagged: [DaybookCore.Tag: [Position]] = [:]
        var last = Position.start
        for event in log {
            if event.position <= last { report(.positionGoesBack, "\(event.position) follows \(last)") }
            last = event.position
            if recorded.updateValue(event, forKey: event.id) != nil {
                report(.twice, "\(event.id), again at position \(event.position)")
            }
            let next = versions[event.stream]?.next ?? .first
            if event.version != next { report(.versionGap, "\(event.stream) at \(event.version), not \(next)") }
            versions[event.stream] = event.version
            for tag in event.tags { tagged[tag, default: []].append(event.position) }
        }
        var asked: Set<EventID> = []
        for append in told {
            asked.formUnion(append.ids)
            let place = "an append of \(append.ids.count) events at position \(append.result.position)"
            if append.result.isRepeat, !mayRepeat { report(.toldRepeat, place) }
            let found = append.ids.compactMap { recorded[$0] }
            guard let first = found.first, let end = found.last else {
                report(.lost, place)
                continue
            }
            if found.count != append.ids.count { report(.torn, "\(place), of which \(found.count) are there") }
            if end.position != append.result.position {
                report(.otherPosition, "\(place), which is at \(end.position)")
            }
            for (event, next) in zip(found, found.dropFirst()) where next.position != event.position.next {
                report(.scattered, "\(place), where \(next.position) follows \(event.position)")
            }
            for stream in append.result.streams {
                let version = found.last { $0.stream == stream.stream }?.version
                guard version != stream.version else { continue }
                report(.otherVersion, "\(place): \(stream), which is at \(version?.description ?? "none")")
            }
            if let condition = append.condition {
                let between = (tagged[condition.tag] ?? []).first { $0 > condition.after && $0 < first.position }
                if let between { report(.brokenCondition, "\(place), after \(condition.after), by \(between)") }
            }
        }
        for ids in unknown {
            asked.formUnion(ids)
            let found = ids.count { recorded[$0] != nil }
            if found != 0 && found != ids.count { report(.tornUnknown, "\(found) of \(ids.count) events are there") }
        }
        for event in log where !asked.contains(event.id) {
            report(.unasked, "\(event.id) at position \(event.position) of \(event.stream)")
        }
        return violations
    }
}
