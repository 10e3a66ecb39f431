import DaybookCore

/// Decides recorded commands on several subjects again, under other rules, on the history as it was: what
/// ``DecisionReplay`` is to commands on one subject.
///
/// ```swift
/// let replay = BoundaryDecisionReplay(SmallerClasses.self, recordedIn: "enrolment_commands", from: store)
/// let report = try await replay.run()
/// ```
///
/// The commands must have been recorded (``BoundaryHandler/recording(_:in:)``). Each is decided on what the *new* rules
/// draw into its boundary, as far as it had happened when the command was recorded. Nothing is recorded. Compared are the
/// events and their streams, not the tags; rules whose events lie outside of their own boundary are refused, as a handler
/// would refuse them.
///
/// **Cost.** As when the commands were given: each reads the events inside its boundary.
public struct BoundaryDecisionReplay<D: BoundaryDecider>: Sendable where D.Command: Codable, D.Event: Equatable {
    public typealias Report = DecisionReport<D.Command, DecidedEvent<D.Event>>
    private typealias Outcome = DecisionOutcome<DecidedEvent<D.Event>>

    private let records: StreamName
    private let log: any EventStore
    private let reader: any EventReader<D.Event>
    private let commands: any EventReader<CommandRecord<D.Command>>

    /// - Parameter records: Where a ``BoundaryHandler`` recorded the commands.
    public init(
        _ decider: D.Type, recordedIn records: StreamName, from log: any EventStore,
        reader: any EventReader<D.Event> = D.Event.makeReader(),
        commands: any EventReader<CommandRecord<D.Command>> = JSONEventCodec<CommandRecord<D.Command>>()
    ) {
        self.records = records
        self.log = log
        self.reader = reader
        self.commands = commands
    }

    /// Decides the commands of a part of the log again.
    ///
    /// - Parameters:
    ///   - first: Commands that were recorded by this moment are not decided again; nil for all.
    ///   - last: Nor are those recorded after this one.
    ///   - keepingFirst: How many differences to keep. All are counted.
    ///   - progress: Called after each command with the position reached and where the replay will end.
    public func run(
        after first: LogMoment? = nil, through last: LogMoment = .latest, keepingFirst limit: Int = 1_000,
        progress: (Position, Position) -> Void = { _, _ in }
    ) async throws(DecisionReplayError) -> Report {
        var report = Report(limit: limit)
        var pages: LogPages
        do {
            pages = try await LogPages(
                of: log, EventFilter(categories: [records.category]), after: first, through: last)
        } catch {
            throw DecisionReplayError(error)
        }
        while true {
            let page: ArraySlice<RecordedEvent>
            do {
                guard let next = try await pages.next() else { return report }
                page = next
            } catch {
                throw DecisionReplayError(error)
            }
            for event in page where event.stream == records {
                try await decide(event, &report)
                progress(event.position, pages.end)
            }
            progress(pages.reached, pages.end)
        }
    }

    private func decide(_ event: RecordedEvent, _ report: inout Report) async throws(DecisionReplayError) {
        let decoded: [CommandRecord<D.Command>]
        do { decoded = try commands.decode(event) } catch { throw .undecodable(error) }
        for record in decoded {
            let command: D.Command
            let recorded: Outcome
            switch record {
            case .carriedOut(let carriedOut, _, let count):
                command = carriedOut
                recorded = .events(try await events(count, following: event))
            case .rejected(let rejected, _, let reason):
                command = rejected
                recorded = .rejected(reason)
            }
            let replayed = try await outcome(of: command, at: event)
            let kind = DecisionDifference<D.Command, DecidedEvent<D.Event>>.Kind.between(
                recorded, replayed, isSame: ==)
            report.add(
                kind.map {
                    DecisionDifference(
                        kind: $0, record: event, command: command, recorded: recorded, replayed: replayed)
                })
        }
    }

    /// The events that were recorded with a command: those behind its record.
    private func events(
        _ count: Int, following record: RecordedEvent
    ) async throws(DecisionReplayError) -> [DecidedEvent<D.Event>] {
        var events: [DecidedEvent<D.Event>] = []
        var found = 0
        var reached = record.position
        while found < count {
            guard !Task.isCancelled else { throw .cancelled }
            let page: LogPage
            do {
                page = try await log.readPage(
                    from: .after(reached), direction: .forward, filter: .all,
                    limit: min(count - found, Limits.eventsPerPage))
            } catch {
                throw DecisionReplayError(error)
            }
            for event in page.events {
                do {
                    for today in try reader.decode(event) { events.append(DecidedEvent(today, in: event.stream)) }
                } catch {
                    throw .undecodable(error)
                }
            }
            found += page.events.count
            reached = max(reached, page.scannedThrough)
            if page.isAtEnd { break }
        }
        guard found == count else {
            throw .incompleteRecord(
                stream: record.stream, position: record.position, expected: count, found: found)
        }
        return events
    }

    /// What the new rules make of a command, on the state that it met.
    private func outcome(
        of command: D.Command, at record: RecordedEvent
    ) async throws(DecisionReplayError) -> Outcome {
        var fold = BoundaryFold<D>(for: command)
        do {
            try await fold.extend(in: log, through: record.position.previous, reader: reader)
        } catch {
            switch error {
            case .read(let error): throw DecisionReplayError(error)
            case .undecodable(let error): throw .undecodable(error)
            }
        }
        let decided: [PlacedEvent]
        do throws(D.Rejection) {
            decided = try D.decide(command, in: fold.state)
        } catch {
            return .rejected(String(describing: error))
        }
        var events: [DecidedEvent<D.Event>] = []
        for (stream, placed) in PlacedEvent.byStream(decided) {
            for placed in placed {
                for event in try read(placed, inside: fold.query, at: record) {
                    events.append(DecidedEvent(event, in: stream))
                }
            }
        }
        return .events(events)
    }

    /// A decided event as it would be read from the log.
    private func read(
        _ placed: PlacedEvent, inside query: EventQuery, at record: RecordedEvent
    ) throws(DecisionReplayError) -> [D.Event] {
        let encoded: EncodedEvent
        do { encoded = try placed.encoded() } catch { throw .unencodable(error) }
        guard query.matches(type: encoded.type, tags: placed.tags) else {
            throw .outsideBoundary(type: encoded.type, stream: placed.stream, tags: placed.tags)
        }
        let event = RecordedEvent(
            id: record.id, type: encoded.type, schemaVersion: encoded.schemaVersion,
            contentType: encoded.contentType, data: encoded.data[...], metadata: record.metadata, tags: placed.tags,
            stream: placed.stream, version: .first, position: record.position, recordedAt: record.recordedAt)
        do { return try reader.decode(event) } catch { throw .unreadableDecision(error) }
    }
}
