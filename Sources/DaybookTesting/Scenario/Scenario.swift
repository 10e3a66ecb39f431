import Daybook
import DaybookCore
import Testing

/// A test of a decider in its own words: given what happened, when a command comes, then this happens.
///
/// ```swift
/// Scenario(CashAccount.self)
///     .given(.deposited(100), .held(60, for: "order-1"))
///     .when(.hold(50, for: "order-2"))
///     .thenRejected(.insufficientCash(requested: 50, available: 40))
/// ```
///
/// What does not come out as stated is recorded as an issue of the running test, at the line that states it. Along the
/// way a scenario checks what holds for every decider: that it decides and evolves the same way each time, and that
/// its events survive being written and read.
public struct Scenario<D: Decider>: Sendable {
    private var history: [D.Event] = []

    public init(_ decider: D.Type) {}

    /// What has happened before; called again, what has happened after that.
    public func given(_ events: D.Event...) -> Scenario { given(events) }

    /// What has happened before; called again, what has happened after that.
    public func given(_ events: [D.Event]) -> Scenario {
        var scenario = self
        scenario.history += events
        return scenario
    }

    /// Decides a command in the state that the events before leave.
    public func when(_ command: D.Command, sourceLocation: SourceLocation = #_sourceLocation) -> ScenarioOutcome<D> {
        let state = Self.folded(history)
        let result = Self.decided(command, in: state)
        let outcome = ScenarioOutcome<D>(history: history, command: command, result: result)
        for complaint in Self.complaints(about: command, history: history, result: result) {
            Issue.record(Comment(rawValue: complaint), sourceLocation: sourceLocation)
        }
        return outcome
    }

    static func folded(_ events: [D.Event]) -> D.State {
        var state = D.initialState
        for event in events { D.evolve(&state, with: event) }
        return state
    }

    private static func decided(_ command: D.Command, in state: D.State) -> Result<[D.Event], D.Rejection> {
        do throws(D.Rejection) { return .success(try D.decide(command, in: state)) } catch { return .failure(error) }
    }

    /// The promises of every decider that this one breaks here.
    private static func complaints(
        about command: D.Command, history: [D.Event], result: Result<[D.Event], D.Rejection>
    ) -> [String] {
        var complaints: [String] = []
        let again = decided(command, in: folded(history))
        let isSame =
            ScenarioText.isEqual(result, again) ?? (ScenarioText.bytes(of: result) == ScenarioText.bytes(of: again))
        if !isSame {
            complaints.append(
                "\(D.self).decide is not deterministic: the command \(command) gave \(ScenarioText.result(result)), and "
                    + "then \(ScenarioText.result(again)); take time and chance from the command.")
        }
        let decided = (try? result.get()) ?? []
        let state = folded(history + decided)
        if let isEqual = ScenarioText.isEqual(state, folded(history + decided)), !isEqual {
            complaints.append(
                "\(D.self).evolve is not deterministic: the same events gave two states; let the state depend on the "
                    + "events alone.")
        }
        do {
            let reread = try ScenarioText.reread(history + decided)
            if let isEqual = ScenarioText.isEqual(state, folded(reread)), !isEqual {
                complaints.append(
                    "The events of \(D.self) do not survive being written and read: their state is then another one.\n"
                        + ScenarioText.comparison(
                            expected: ScenarioText.dump(state), actual: ScenarioText.dump(folded(reread))))
            }
        } catch {
            complaints.append("The events of \(D.self) do not survive being written and read. \(error)")
        }
        return complaints
    }
}
