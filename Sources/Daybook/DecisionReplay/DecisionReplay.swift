import DaybookCore

/// Decides recorded commands again, under other rules, on the history as it was: which of them would come out
/// differently, and how.
///
/// ```swift
/// // Yesterday's orders, under the margin rule of tomorrow:
/// let replay = DecisionReplay(StricterAccount.self, of: "account", in: store)
/// let report = try await replay.run(after: .time(midnight), through: .time(nextMidnight))
/// print(report.commandCount, report.differences.count)
/// ```
///
/// Each command is decided on the state that it was decided on: what the rules would have made of the commands before it
/// does not count, since that world never was. Nothing is recorded.
///
/// The commands must have been recorded (``CommandRecording``). The decider is the one with the new rules: its commands
/// and events read what the old one recorded, and its state is folded from the recorded events by its own `evolve`.
public struct DecisionReplay<D: Decider>: Sendable where D.Command: Codable {
    private let category: Category
    private let log: any EventStore
    private let codec: any EventCodec<D.Event>
    private let commands: any EventReader<CommandRecord<D.Command>>

    public init(
        _ decider: D.Type, of category: Category, in log: any EventStore,
        codec: any EventCodec<D.Event> = JSONEventCodec<D.Event>(),
        commands: any EventReader<CommandRecord<D.Command>> = JSONEventCodec<CommandRecord<D.Command>>()
    ) {
        self.category = category
        self.log = log
        self.codec = codec
        self.commands = commands
    }

    /// A subject while its stream is read.
    private struct Subject {
        var state = D.initialState
        /// The last event folded.
        var version: StreamVersion?
        /// Whether retention hides events that are folded here.
        var isHidden = false
        /// Commands that were decided again, and of whose recorded events so many are still to come.
        var open: [(decision: Decision, missing: Int)] = []
    }

    /// A command between its record and its last recorded event.
    private struct Decision {
        var record: RecordedEvent
        var command: D.Command
        var recorded: DecisionOutcome<D.Event>
        var replayed: DecisionOutcome<D.Event>
        /// Whether it is one of those that are to be decided again.
        var counts: Bool
    }

    /// Decides the commands of a part of the log again.
    ///
    /// - Parameters:
    ///   - first: Commands that were recorded by this moment are not decided again; nil for all.
    ///   - last: Nor are those recorded after this one, with their events.
    ///   - keepingFirst: How many differences to keep. All are counted.
    ///   - progress: Called after each page with the position reached and where the replay will end.
    /// - Complexity: O(events of the category up to the last moment) in time, O(subjects) in memory.
    public func run(
        after first: LogMoment? = nil, through last: LogMoment = .latest, keepingFirst limit: Int = 1_000,
        progress: (Position, Position) -> Void = { _, _ in }
    ) async throws(DecisionReplayError) -> DecisionReport<D.Command, D.Event> {
        var report = DecisionReport<D.Command, D.Event>(limit: limit)
        var subjects: [StreamName: Subject] = [:]
        var pages: LogPages
        do { pages = try await LogPages(of: log, filter, through: last) } catch { throw DecisionReplayError(error) }
        while true {
            let page: ArraySlice<RecordedEvent>
            do {
                guard let next = try await pages.next() else { return report }
                page = next
            } catch {
                throw DecisionReplayError(error)
            }
            for event in page {
                try take(event, isDecided: first.map { !$0.includes(event) } ?? true, &subjects, &report)
            }
            progress(pages.reached, pages.end)
        }
    }

    private var filter: EventFilter {
        EventFilter(
            categories: [
                category, category.commands, Category(unchecked: StreamName.controlPrefix + category.rawValue),
            ],
            includesControlEvents: true)
    }

    private func take(
        _ event: RecordedEvent, isDecided: Bool, _ subjects: inout [StreamName: Subject],
        _ report: inout DecisionReport<D.Command, D.Event>
    ) throws(DecisionReplayError) {
        if let stream = event.stream.controlled {
            // A stream that is deleted begins anew, and its versions go on; so does its retention.
            if event.type == StreamControl.streamDeleted { subjects[stream] = nil }
            if let control = StreamControl(decoding: event.data) {
                subjects[stream, default: Subject()].isHidden = control.retention != .unlimited
            }
        } else if event.stream.category == category.commands {
            guard let id = event.stream.id else { return }
            let stream = StreamName(unchecked: "\(category)-\(id)")
            // Taken out, so that the state has one owner and is folded in place.
            var subject = subjects.removeValue(forKey: stream) ?? Subject()
            try decide(event, counts: isDecided, &subject, &report)
            subjects[stream] = subject
        } else {
            var subject = subjects.removeValue(forKey: event.stream) ?? Subject()
            try fold(event, into: &subject, &report)
            subjects[event.stream] = subject
        }
    }

    private func decide(
        _ event: RecordedEvent, counts: Bool, _ subject: inout Subject,
        _ report: inout DecisionReport<D.Command, D.Event>
    ) throws(DecisionReplayError) {
        let records: [CommandRecord<D.Command>]
        do { records = try commands.decode(event) } catch { throw .undecodable(error) }
        for record in records {
            switch record {
            case .carriedOut(let command, let after, let count):
                // Of commands that were given together, all but the first wait for the events of those before them.
                let earlier = subject.open.reduce(0) { $0 + $1.missing }
                if counts { try check(after, subject.version.advanced(by: earlier), subject, event) }
                let decision = Decision(
                    record: event, command: command, recorded: .events([]),
                    replayed: counts && earlier == 0 ? Self.outcome(of: command, in: subject.state) : .events([]),
                    counts: counts)
                if count == 0, earlier == 0 {
                    try close(decision, &report)
                } else {
                    subject.open.append((decision, count))
                }
            case .rejected(let command, let after, let reason):
                guard counts else { continue }
                try check(after, subject.version, subject, event)
                try close(
                    Decision(
                        record: event, command: command, recorded: .rejected(reason),
                        replayed: Self.outcome(of: command, in: subject.state), counts: true), &report)
            }
        }
    }

    private func fold(
        _ event: RecordedEvent, into subject: inout Subject, _ report: inout DecisionReport<D.Command, D.Event>
    ) throws(DecisionReplayError) {
        let events: [D.Event]
        do { events = try codec.decode(event) } catch { throw .undecodable(error) }
        for event in events { D.evolve(&subject.state, with: event) }
        subject.version = event.version
        guard !subject.open.isEmpty else { return }
        if case .events(let earlier) = subject.open[0].decision.recorded {
            subject.open[0].decision.recorded = .events(earlier + events)
        }
        subject.open[0].missing -= 1
        while let first = subject.open.first, first.missing == 0 {
            try close(first.decision, &report)
            subject.open.removeFirst()
            if let next = subject.open.first, next.decision.counts {
                subject.open[0].decision.replayed = Self.outcome(of: next.decision.command, in: subject.state)
            }
        }
    }

    /// Whether a command was decided on the state that the log leads to.
    private func check(
        _ recorded: Int64?, _ folded: StreamVersion?, _ subject: Subject, _ event: RecordedEvent
    ) throws(DecisionReplayError) {
        guard !subject.isHidden else { throw .hiddenHistory(record: event.stream, position: event.position) }
        guard recorded == folded?.rawValue else {
            throw .otherHistory(
                record: event.stream, position: event.position, decidedAfter: recorded.map { StreamVersion($0) },
                found: folded)
        }
    }

    private static func outcome(of command: D.Command, in state: D.State) -> DecisionOutcome<D.Event> {
        do throws(D.Rejection) {
            return .events(try D.decide(command, in: state))
        } catch {
            return .rejected(String(describing: error))
        }
    }

    /// Compares what was recorded with what is decided now.
    private func close(_ decision: Decision, _ report: inout DecisionReport<D.Command, D.Event>)
        throws(DecisionReplayError)
    {
        guard decision.counts else { return }
        let kind = try DecisionDifference<D.Command, D.Event>.Kind.between(
            decision.recorded, decision.replayed, isSame: isSame)
        report.add(
            kind.map {
                DecisionDifference(
                    kind: $0, record: decision.record, command: decision.command, recorded: decision.recorded,
                    replayed: decision.replayed)
            })
    }

    private func isSame(_ old: [D.Event], _ new: [D.Event]) throws(DecisionReplayError) -> Bool {
        guard old.count == new.count else { return false }
        do {
            for (old, new) in zip(old, new) where try codec.encode(old) != codec.encode(new) { return false }
        } catch {
            throw .unencodable(error)
        }
        return true
    }
}
