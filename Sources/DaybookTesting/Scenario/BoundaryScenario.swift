import Daybook
import DaybookCore
import Testing

/// A test of a boundary decider in its own words: given what happened where, when a command comes, then this happens.
///
/// ```swift
/// BoundaryScenario(Enrolment.self)
///     .given(.offered(course: "algebra", seats: 1), in: "course-algebra")
///     .given(.enrolled(student: "ada", course: "algebra"), in: "student-ada")
///     .when(.init(student: "bo", course: "algebra"))
///     .thenRejected(.full)
/// ```
///
/// What does not come out as stated is recorded as an issue of the running test, at the line that states it. The events
/// are written and read as a store would, and the command sees those inside its boundary alone. Along the way a scenario
/// checks what holds for every boundary decider: that it decides the same way each time, that its events
/// survive being written and read, that what is given lies inside the boundary, and that what is decided does: so that a
/// tag or a type that was forgotten is found.
public struct BoundaryScenario<D: BoundaryDecider>: Sendable {
    struct Given: Sendable {
        var recorded: RecordedEvent
        var events: [D.Event]
        var isInside: Bool

        var text: String { ScenarioText.placed(events, in: recorded.stream, recorded.tags) }
    }

    private let reader: any EventReader<D.Event>
    private var log = ScenarioLog()
    private var history: [Given] = []

    /// - Parameter reader: Reads the events, once they are written.
    public init(_ decider: D.Type, reader: any EventReader<D.Event> = D.Event.makeReader()) { self.reader = reader }

    // MARK: Given

    /// What has happened in a stream, inside the boundary of the command; called again, what has happened after that,
    /// there or in another one.
    ///
    /// - Parameter tags: Beside the events' own, such as those of the subject (``Decider/tags(ofSubject:)``).
    public func given(
        _ events: D.Event..., in stream: StreamName, tags: [DaybookCore.Tag] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> BoundaryScenario {
        taking(events, in: stream, tags, isInside: true, sourceLocation)
    }

    /// What has happened that a command does not see, because it lies outside of its boundary.
    ///
    /// - Parameter tags: Beside the events' own.
    public func givenOutside(
        _ events: D.Event..., in stream: StreamName, tags: [DaybookCore.Tag] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> BoundaryScenario {
        taking(events, in: stream, tags, isInside: false, sourceLocation)
    }

    // MARK: When

    /// Decides a command on what is inside its boundary.
    public func when(
        _ command: D.Command, sourceLocation: SourceLocation = #_sourceLocation
    ) -> BoundaryScenarioOutcome<D> {
        let query = D.boundary(of: command)
        var inside: [Given] = []
        for given in history {
            let isInside = query.matches(type: given.recorded.type, tags: given.recorded.tags)
            if isInside { inside.append(given) }
            guard isInside != given.isInside else { continue }
            record(
                isInside
                    ? "The boundary of \(command) takes in what was given outside of it: \(given.text)."
                    : "The boundary of \(command) does not take in \(given.text): give the event the tags of its subjects, "
                        + "widen the boundary, or state it with givenOutside.", sourceLocation)
        }
        let result = Self.decide(command, in: Self.state(of: inside, for: command))
        let again = Self.decide(command, in: Self.state(of: inside, for: command))
        if ScenarioText.decided(result) != ScenarioText.decided(again) {
            record(
                "\(D.self) is not deterministic: the command \(command) gave \(ScenarioText.decided(result)), and then "
                    + "\(ScenarioText.decided(again)); take time and chance from the command.", sourceLocation)
        }
        var after = self
        for placed in (try? result.get()) ?? [] {
            if let given = after.take(placed, sourceLocation) { inside.append(given) }
            guard let type = try? placed.encoded().type, !query.matches(type: type, tags: placed.tags) else { continue }
            record(
                "The boundary of \(command) does not take in the event that was decided, so that the next decision would "
                    + "not see it: \(ScenarioText.placed(placed)).", sourceLocation)
        }
        return BoundaryScenarioOutcome(
            history: history.map(\.text), command: command, result: result,
            state: Self.state(of: inside, for: command))
    }

    // MARK: Boundary

    /// The boundary of a command takes in the events of every type of these enums, by their types and the kinds of their
    /// tags: a type that the boundary does not name, and an event without the tag that it asks for, are issues.
    ///
    /// - Parameters:
    ///   - sources: The enums on whose events the decision depends.
    ///   - exceptions: Types of theirs on which it does not.
    public func thenBoundary(
        of command: D.Command, takesIn sources: [SchemaSource], except exceptions: Set<EventType> = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let findings = SchemaBoundary.findings(
            for: sources.flatMap(\.schemas), in: D.boundary(of: command), of: "\(command)", except: exceptions)
        for finding in findings { record(finding, sourceLocation) }
    }

    // MARK: Folding

    private func taking(
        _ events: [D.Event], in stream: StreamName, _ tags: [DaybookCore.Tag], isInside: Bool,
        _ sourceLocation: SourceLocation
    ) -> BoundaryScenario {
        var scenario = self
        for event in events {
            do {
                let recorded = scenario.log.record(try ScenarioLog.encoded(event, tags: tags), in: stream)
                let read = try reader.decode(recorded)
                if let loss = ScenarioText.loss(of: event, readAs: read) { record(loss, sourceLocation) }
                scenario.history.append(Given(recorded: recorded, events: read, isInside: isInside))
            } catch {
                record("\(D.self) could not be given \(event) in '\(stream)'. \(error)", sourceLocation)
            }
        }
        return scenario
    }

    /// A decided event as it will be read.
    private mutating func take(_ placed: PlacedEvent, _ sourceLocation: SourceLocation) -> Given? {
        do {
            let encoded = try placed.encoded()
            let recorded = log.record(NewEvent(encoded, tags: placed.tags), in: placed.stream)
            return Given(recorded: recorded, events: try reader.decode(recorded), isInside: true)
        } catch {
            record(
                "The decided event does not survive being written and read: \(ScenarioText.placed(placed)). \(error)",
                sourceLocation)
            return nil
        }
    }

    private static func state(of history: [Given], for command: D.Command) -> D.State {
        var state = D.initialState(for: command)
        for given in history {
            for event in given.events { D.evolve(&state, with: event, of: given.recorded.stream) }
        }
        return state
    }

    private static func decide(_ command: D.Command, in state: D.State) -> Result<[PlacedEvent], D.Rejection> {
        do throws(D.Rejection) { return .success(try D.decide(command, in: state)) } catch { return .failure(error) }
    }

    private func record(_ text: String, _ sourceLocation: SourceLocation) {
        Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
    }
}

extension ScenarioText {
    static func decided(_ result: Result<[PlacedEvent], some Error>) -> String {
        switch result {
        case .success(let events): list(events.map { placed($0) })
        case .failure(let rejection): "rejected: \(rejection)"
        }
    }

    /// Whether two events would be recorded as the same.
    static func isSame(_ left: PlacedEvent, _ right: PlacedEvent) -> Bool {
        guard left.stream == right.stream, Set(left.tags) == Set(right.tags),
            let (left, right) = try? (left.encoded(), right.encoded())
        else { return false }
        return left.type == right.type && left.schemaVersion == right.schemaVersion && left.data == right.data
    }

    static func placed(_ event: PlacedEvent) -> String { placed([event.event], in: event.stream, event.tags) }

    static func placed(_ events: [Any], in stream: StreamName, _ tags: [DaybookCore.Tag]) -> String {
        let text = events.map { "\($0)" }.joined(separator: ", ")
        return "\(text) in '\(stream)' with the tags \(tags.map(\.rawValue).sorted())"
    }
}
