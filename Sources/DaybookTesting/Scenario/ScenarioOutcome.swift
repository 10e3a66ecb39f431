import Daybook
import DaybookCore
import Testing

/// What came of the command of a ``Scenario``, to be compared with what should have.
public struct ScenarioOutcome<D: Decider>: Sendable {
    let history: [D.Event]
    let command: D.Command
    /// The events decided, or why there are none.
    public let result: Result<[D.Event], D.Rejection>

    /// The state after the decided events; after those given, when the command was rejected.
    public var state: D.State { Scenario<D>.folded(history + ((try? result.get()) ?? [])) }

    /// Exactly these events are decided, in this order.
    @discardableResult
    public func then(
        _ events: D.Event..., sourceLocation: SourceLocation = #_sourceLocation
    ) -> ScenarioOutcome where D.Event: Equatable {
        then(events, sourceLocation: sourceLocation)
    }

    /// Exactly these events are decided, in this order.
    @discardableResult
    public func then(
        _ events: [D.Event], sourceLocation: SourceLocation = #_sourceLocation
    ) -> ScenarioOutcome where D.Event: Equatable {
        if case .success(events) = result { return self }
        return record(expected: ScenarioText.list(events), at: sourceLocation)
    }

    /// The command has nothing to change: no event, and no rejection.
    @discardableResult
    public func thenNothing(sourceLocation: SourceLocation = #_sourceLocation) -> ScenarioOutcome {
        if case .success(let events) = result, events.isEmpty { return self }
        return record(expected: "nothing", at: sourceLocation)
    }

    /// The command is rejected for this reason.
    @discardableResult
    public func thenRejected(
        _ rejection: D.Rejection, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ScenarioOutcome where D.Rejection: Equatable {
        if case .failure(rejection) = result { return self }
        return record(expected: "rejected: \(rejection)", at: sourceLocation)
    }

    /// The command is rejected, for whatever reason.
    @discardableResult
    public func thenRejected(sourceLocation: SourceLocation = #_sourceLocation) -> ScenarioOutcome {
        if case .failure = result { return self }
        return record(expected: "rejected", at: sourceLocation)
    }

    /// The decided events leave this state; after a rejection it is the state before.
    @discardableResult
    public func thenState(
        _ expected: D.State, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ScenarioOutcome where D.State: Equatable {
        let actual = state
        guard actual != expected else { return self }
        Issue.record(
            Comment(
                rawValue: "After \(command) the state of \(D.self) is another one.\n"
                    + ScenarioText.comparison(
                        expected: ScenarioText.dump(expected), actual: ScenarioText.dump(actual))),
            sourceLocation: sourceLocation)
        return self
    }

    private func record(expected: String, at sourceLocation: SourceLocation) -> ScenarioOutcome {
        Issue.record(
            Comment(
                rawValue: "\(D.self) decided \(command) otherwise.\n  given:\n"
                    + ScenarioText.indented(ScenarioText.list(history)) + "\n"
                    + ScenarioText.comparison(expected: expected, actual: ScenarioText.result(result))),
            sourceLocation: sourceLocation)
        return self
    }
}
