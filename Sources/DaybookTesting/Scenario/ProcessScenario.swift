import Daybook
import DaybookCore
import Testing

/// A test of a process manager in its own words: given what happened, when something comes, then these actions follow.
///
/// ```swift
/// ProcessScenario(Fulfilment.self)
///     .given(.placed(order: "17"))
///     .whenDeadline("payment")
///     .then(.send(.release("17")), .record(.failed(reason: "not paid")))
///     .thenState(Fulfilment.State(failure: "not paid"))
/// ```
///
/// Each process that an input concerns evolves by the events that it recorded, and its open deadlines and the commands
/// that it sent are known, as they would be to a ``ProcessRunner``: a deadline that is not open cannot pass, and a
/// command that was not sent cannot be rejected.
///
/// What does not come out as stated is recorded as an issue of the running test, at the line that states it. Along the
/// way a scenario checks what holds for every process manager: that it reacts and evolves the same way each time, that
/// its filter passes the inputs that concern a process, and that inputs, events and commands survive being written and
/// read.
public struct ProcessScenario<P: ProcessManager>: Sendable {
    private let reader: any EventReader<P.Input>
    private(set) var log = ScenarioLog()
    private(set) var history: [String] = []
    /// By the processes' identifiers.
    private(set) var processes: [String: ScenarioProcess<P>] = [:]

    /// - Parameter reader: Reads the inputs, once they are written.
    public init(_ process: P.Type, reader: any EventReader<P.Input> = P.Input.makeReader()) { self.reader = reader }

    // MARK: Given

    /// What has happened before, with all that followed from it; called again, what has happened after that.
    ///
    /// - Parameter tags: Beside the inputs' own.
    public func given(
        _ inputs: P.Input..., in stream: StreamName = "scenario", metadata: EventMetadata = EventMetadata(),
        tags: [DaybookCore.Tag] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenario {
        var scenario = self
        for input in inputs {
            let outcome = scenario.when(
                input, in: stream, metadata: metadata, tags: tags, sourceLocation: sourceLocation)
            if case .failure(let refusal) = outcome.result {
                scenario.record("\(P.self) could not react to \(input). It threw: \(refusal.reason)", sourceLocation)
            }
            scenario = outcome.scenario
        }
        return scenario
    }

    /// What follows happens at this time.
    public func at(_ time: Timestamp) -> ProcessScenario {
        var scenario = self
        scenario.log.now = time
        return scenario
    }

    /// What follows happens so much later. Deadlines pass by ``whenDeadline(_:of:sourceLocation:)`` alone.
    public func after(_ duration: Duration) -> ProcessScenario { at(log.now.advanced(by: duration)) }

    /// When the open deadlines of a process pass, by name.
    public func deadlines(of process: String) -> [String: Timestamp] { processes[process]?.deadlines ?? [:] }

    // MARK: When

    /// An input is recorded.
    public func when(
        _ input: P.Input, in stream: StreamName = "scenario", metadata: EventMetadata = EventMetadata(),
        tags: [DaybookCore.Tag] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome<P> {
        var scenario = self
        let recorded: RecordedEvent
        let inputs: [P.Input]
        do {
            let new = try ScenarioLog.encoded(input, metadata: metadata, tags: tags)
            recorded = scenario.log.record(new, in: stream)
            inputs = try reader.decode(recorded)
        } catch {
            record("\(P.self) was not given \(input). \(error)", sourceLocation)
            return ProcessScenarioOutcome(self, given: history, "\(input)", .success([]))
        }
        if let loss = ScenarioText.loss(of: input, readAs: inputs) { record(loss, sourceLocation) }
        scenario.history.append("\(input)")
        return scenario.outcome(of: "\(input)", sourceLocation) { scenario in
            var reactions: [ScenarioReaction<P>] = []
            for input in inputs {
                for id in try scenario.processIDs(for: input, recorded, sourceLocation) {
                    reactions.append(
                        try scenario.react(in: id, at: recorded.recordedAt, to: "\(input)", sourceLocation) { state in
                            try P.react(to: input, in: state)
                        })
                }
            }
            return reactions
        }
    }

    /// An open deadline passes. The time is then its own, unless it is later already.
    ///
    /// - Parameter process: The process; the one that has a deadline of this name open when nil.
    public func whenDeadline(
        _ name: String, of process: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome<P> {
        let cause = "deadline '\(name)'"
        let open = processes.filter { $0.value.deadlines[name] != nil && $0.key == process ?? $0.key }.keys.sorted()
        guard open.count == 1, let id = open.first, let due = processes[id]?.deadlines[name] else {
            let all = processes.flatMap { id, process in process.deadlines.keys.map { "'\($0)' of process '\(id)'" } }
            record(
                open.isEmpty
                    ? "The deadline '\(name)' cannot pass: it is not open\(process.map { " in process '\($0)'" } ?? ""). "
                        + "Open deadlines:\n" + ScenarioText.indented(ScenarioText.list(all.sorted()))
                    : "The deadline '\(name)' is open in the processes \(open): say in which one it passes.",
                sourceLocation)
            return ProcessScenarioOutcome(self, given: history, cause, .success([]))
        }
        var scenario = self
        scenario.log.now = max(log.now, due)
        scenario.history.append("\(cause) of process '\(id)' passes")
        return scenario.outcome(of: cause, sourceLocation) { scenario in
            scenario.processes[id]?.deadlines[name] = nil
            return [
                try scenario.react(in: id, at: due, to: cause, sourceLocation) { state in
                    try P.react(toDeadline: name, in: state)
                }
            ]
        }
    }

    /// A command that was sent is rejected by its subject.
    ///
    /// - Parameter process: The process that sent it; the one that did when nil.
    public func whenRejected(
        _ command: P.Command, reason: String, of process: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProcessScenarioOutcome<P> {
        let cause = "the rejection of \(command)"
        let senders = processes.compactMap { id, candidate in
            id == process ?? id ? candidate.sent(command).map { (id: id, index: $0) } : nil
        }
        guard senders.count == 1, let sender = senders.first else {
            let all = processes.flatMap { id, process in process.unanswered.map { "\($0) by process '\(id)'" } }
            record(
                senders.isEmpty
                    ? "The command \(command) cannot be rejected: it was not sent"
                        + (process.map { " by process '\($0)'" } ?? "") + ", or was rejected already. Commands sent:\n"
                        + ScenarioText.indented(ScenarioText.list(all.sorted()))
                    : "The command \(command) was sent by the processes \(senders.map(\.id).sorted()): say whose is "
                        + "rejected.", sourceLocation)
            return ProcessScenarioOutcome(self, given: history, cause, .success([]))
        }
        var scenario = self
        scenario.history.append("\(command) is rejected: \(reason)")
        return scenario.outcome(of: cause, sourceLocation) { scenario in
            let sentAt = scenario.processes[sender.id]?.answer(sender.index) ?? scenario.log.now
            return [
                try scenario.react(in: sender.id, at: sentAt, to: cause, sourceLocation) { state in
                    try P.react(toRejectionOf: command, reason: reason, in: state)
                }
            ]
        }
    }

    // MARK: Reacting

    /// What comes of some reactions: all of them, or none when one throws.
    private func outcome(
        of cause: String, _ sourceLocation: SourceLocation,
        _ body: (inout ProcessScenario) throws -> [ScenarioReaction<P>]
    ) -> ProcessScenarioOutcome<P> {
        var scenario = self
        do {
            let reactions = try body(&scenario)
            return ProcessScenarioOutcome(scenario, given: history.dropLast(), cause, .success(reactions))
        } catch {
            return ProcessScenarioOutcome(self, given: history.dropLast(), cause, .failure(ScenarioRefusal(error)))
        }
    }

    private func processIDs(
        for input: P.Input, _ recorded: RecordedEvent, _ sourceLocation: SourceLocation
    ) throws -> [String] {
        let ids = try P.processIDs(for: input, recorded: recorded)
        if let again = try? P.processIDs(for: input, recorded: recorded), again != ids {
            record(
                "\(P.self).processIDs is not deterministic: \(input) gave \(ids), and then \(again); let them depend on "
                    + "the input alone.", sourceLocation)
        }
        for id in ids {
            do { _ = try StreamName(category: P.category, id: id) } catch {
                record("The process '\(id)' that \(input) concerns has no stream. \(error)", sourceLocation)
            }
        }
        guard !ids.isEmpty, !P.filter.matches(recorded) else { return ids }
        record(
            "The filter of \(P.self) does not pass \(input) in '\(recorded.stream)', which concerns the processes "
                + "\(ids): they will never see it. Widen the filter, or give the input no process.", sourceLocation)
        return []
    }

    private mutating func react(
        in id: String, at moment: Timestamp, to cause: String, _ sourceLocation: SourceLocation,
        _ decide: (P.State) throws -> [ProcessAction<P.Event, P.Command>]
    ) throws -> ScenarioReaction<P> {
        var process = processes[id] ?? ScenarioProcess()
        let actions = try decide(process.state)
        if let again = try? decide(process.state), !ScenarioReaction<P>.areEqual(actions, again) {
            record(
                "\(P.self) does not react deterministically: \(cause) gave\n"
                    + ScenarioText.indented(ScenarioText.list(actions)) + "\n  and then\n"
                    + ScenarioText.indented(ScenarioText.list(again))
                    + "\n  take time and chance from the input.", sourceLocation)
        }
        for complaint in process.add(actions, at: moment, recordedAt: log.now) { record(complaint, sourceLocation) }
        processes[id] = process
        return ScenarioReaction(process: id, actions: actions)
    }

    private func record(_ text: String, _ sourceLocation: SourceLocation) {
        Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
    }
}
