import Daybook
import DaybookCore
import Testing

/// What came of an input, a deadline or a rejection in a ``ProcessScenario``, to be compared with what should have; and
/// from where the scenario goes on.
public struct ProcessScenarioOutcome<P: ProcessManager>: Sendable {
    public typealias Action = ProcessAction<P.Event, P.Command>

    /// The scenario after this, to go on with.
    public let scenario: ProcessScenario<P>
    /// What had happened before.
    private let given: [String]
    private let cause: String
    let result: Result<[ScenarioReaction<P>], ScenarioRefusal>

    init(
        _ scenario: ProcessScenario<P>, given: [String], _ cause: String,
        _ result: Result<[ScenarioReaction<P>], ScenarioRefusal>
    ) {
        self.scenario = scenario
        self.given = given
        self.cause = cause
        self.result = result
    }

    // MARK: Then

    /// Exactly these actions follow, in this order; of several processes, one after another.
    @discardableResult
    public func then(
        _ actions: Action..., of process: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome where P.Event: Equatable, P.Command: Equatable {
        then(actions, of: process, sourceLocation: sourceLocation)
    }

    /// Exactly these actions follow, in this order; of several processes, one after another.
    ///
    /// - Parameter process: Looks at this process alone.
    @discardableResult
    public func then(
        _ actions: [Action], of process: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome where P.Event: Equatable, P.Command: Equatable {
        if case .success(let reactions) = result, Self.actions(of: reactions, process) == actions { return self }
        return record(expected: ScenarioText.list(actions), process, sourceLocation)
    }

    /// Nothing follows.
    @discardableResult
    public func thenNothing(
        of process: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome {
        if case .success(let reactions) = result, Self.actions(of: reactions, process).isEmpty { return self }
        return record(expected: "nothing", process, sourceLocation)
    }

    /// The process manager throws, and would stop before it. The scenario goes on without it.
    ///
    /// - Parameter reason: What is in the text of the error; nil for any error.
    @discardableResult
    public func thenRefused(
        reason: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome {
        if case .failure(let refusal) = result, reason.map(refusal.reason.contains) ?? true { return self }
        return record(expected: "refused" + (reason.map { ": \($0)" } ?? ""), nil, sourceLocation)
    }

    /// The process is in this state.
    ///
    /// - Parameter process: The only process that what came concerns, when nil.
    @discardableResult
    public func thenState(
        _ expected: P.State, of process: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome where P.State: Equatable {
        guard let id = theProcess(process, sourceLocation) else { return self }
        let actual = scenario.processes[id]?.state ?? P.initialState
        guard actual != expected else { return self }
        return record(
            "After \(cause) the state of process '\(id)' of \(P.self) is another one.\n"
                + ScenarioText.comparison(expected: ScenarioText.dump(expected), actual: ScenarioText.dump(actual)),
            sourceLocation)
    }

    /// The process has exactly the deadlines of these names open.
    ///
    /// - Parameter process: The only process that what came concerns, when nil.
    @discardableResult
    public func thenDeadlines(
        _ names: String..., of process: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome {
        guard let id = theProcess(process, sourceLocation) else { return self }
        let open = (scenario.processes[id]?.deadlines ?? [:]).keys.sorted()
        guard open != names.sorted() else { return self }
        return record(
            "After \(cause) process '\(id)' of \(P.self) has other deadlines.\n"
                + ScenarioText.comparison(
                    expected: ScenarioText.list(names.sorted()), actual: ScenarioText.list(open)), sourceLocation)
    }

    // MARK: And then

    /// What follows happens so much later.
    public func after(_ duration: Duration) -> ProcessScenario<P> { scenario.after(duration) }

    /// The next input is recorded.
    public func when(
        _ input: P.Input, in stream: StreamName = "scenario", metadata: EventMetadata = EventMetadata(),
        tags: [DaybookCore.Tag] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome {
        scenario.when(input, in: stream, metadata: metadata, tags: tags, sourceLocation: sourceLocation)
    }

    /// An open deadline passes after that.
    public func whenDeadline(
        _ name: String, of process: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome {
        scenario.whenDeadline(name, of: process, sourceLocation: sourceLocation)
    }

    /// A command that was sent is rejected after that.
    public func whenRejected(
        _ command: P.Command, reason: String, of process: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome {
        scenario.whenRejected(command, reason: reason, of: process, sourceLocation: sourceLocation)
    }

    // MARK: Comparing

    private static func actions(of reactions: [ScenarioReaction<P>], _ process: String?) -> [Action] {
        reactions.filter { $0.process == process ?? $0.process }.flatMap(\.actions)
    }

    /// The process that is named, or the only one there is.
    private func theProcess(_ process: String?, _ sourceLocation: SourceLocation) -> String? {
        if let process { return process }
        let reacting = Set(((try? result.get()) ?? []).map(\.process))
        let candidates = reacting.isEmpty ? Set(scenario.processes.keys) : reacting
        if candidates.count == 1 { return candidates.first }
        record(
            "After \(cause) it is not clear which process is meant, of \(candidates.sorted()): name it with 'of:'.",
            sourceLocation)
        return nil
    }

    private func record(
        expected: String, _ process: String?, _ sourceLocation: SourceLocation
    ) -> ProcessScenarioOutcome {
        let actual =
            switch result {
            case .success(let reactions): ScenarioText.list(Self.actions(of: reactions, process))
            case .failure(let refusal): "refused: \(refusal.reason)"
            }
        return record(
            "\(P.self) reacted to \(cause) otherwise\(process.map { " in process '\($0)'" } ?? "").\n  given:\n"
                + ScenarioText.indented(ScenarioText.list(given)) + "\n"
                + ScenarioText.comparison(expected: expected, actual: actual), sourceLocation)
    }

    @discardableResult
    private func record(_ text: String, _ sourceLocation: SourceLocation) -> ProcessScenarioOutcome {
        Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
        return self
    }
}
