import Daybook
import DaybookCore
import Testing

/// What came of the command of a ``BoundaryScenario``, to be compared with what should have.
public struct BoundaryScenarioOutcome<D: BoundaryDecider>: Sendable {
    let history: [String]
    let command: D.Command
    /// The events decided, or why there are none.
    public let result: Result<[PlacedEvent], D.Rejection>
    /// The state after the decided events; before them, when the command was rejected.
    public let state: D.State

    /// Exactly these events are decided, in this order, each in its stream and with its tags.
    @discardableResult
    public func then(
        _ events: PlacedEvent..., sourceLocation: SourceLocation = #_sourceLocation
    ) -> BoundaryScenarioOutcome {
        let expected = Result<[PlacedEvent], D.Rejection>.success(events)
        if case .success(let decided) = result, decided.elementsEqual(events, by: ScenarioText.isSame) { return self }
        return record(expected: ScenarioText.decided(expected), at: sourceLocation)
    }

    /// The command has nothing to change: no event, and no rejection.
    @discardableResult
    public func thenNothing(sourceLocation: SourceLocation = #_sourceLocation) -> BoundaryScenarioOutcome {
        if case .success(let events) = result, events.isEmpty { return self }
        return record(expected: "nothing", at: sourceLocation)
    }

    /// The command is rejected for this reason.
    @discardableResult
    public func thenRejected(
        _ rejection: D.Rejection, sourceLocation: SourceLocation = #_sourceLocation
    ) -> BoundaryScenarioOutcome where D.Rejection: Equatable {
        if case .failure(rejection) = result { return self }
        return record(expected: "rejected: \(rejection)", at: sourceLocation)
    }

    /// The command is rejected, for whatever reason.
    @discardableResult
    public func thenRejected(sourceLocation: SourceLocation = #_sourceLocation) -> BoundaryScenarioOutcome {
        if case .failure = result { return self }
        return record(expected: "rejected", at: sourceLocation)
    }

    /// The decided events leave this state; after a rejection it is the state before.
    @discardableResult
    public func thenState(
        _ expected: D.State, sourceLocation: SourceLocation = #_sourceLocation
    ) -> BoundaryScenarioOutcome where D.State: Equatable {
        guard state != expected else { return self }
        Issue.record(
            Comment(
                rawValue: "After \(command) the state of \(D.self) is another one.\n"
                    + ScenarioText.comparison(
                        expected: ScenarioText.dump(expected), actual: ScenarioText.dump(state))),
            sourceLocation: sourceLocation)
        return self
    }

    private func record(expected: String, at sourceLocation: SourceLocation) -> BoundaryScenarioOutcome {
        Issue.record(
            Comment(
                rawValue: "\(D.self) decided \(command) otherwise.\n  given:\n"
                    + ScenarioText.indented(ScenarioText.list(history)) + "\n"
                    + ScenarioText.comparison(expected: expected, actual: ScenarioText.decided(result))),
            sourceLocation: sourceLocation)
        return self
    }
}
