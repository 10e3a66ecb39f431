import Daybook
import DaybookCore

/// One process of a ``ProcessScenario``, as its own stream would tell.
struct ScenarioProcess<P: ProcessManager>: Sendable {
    private struct Sent: Sendable {
        var command: P.Command
        var at: Timestamp
        var isAnswered = false
    }

    private(set) var state = P.initialState
    /// When each open deadline passes, by name.
    var deadlines: [String: Timestamp] = [:]
    private var sent: [Sent] = []
    private var log = ScenarioLog()

    /// The commands that were not rejected.
    var unanswered: [P.Command] { sent.filter { !$0.isAnswered }.map(\.command) }

    /// Where a command is that was not rejected before.
    func sent(_ command: P.Command) -> Int? {
        sent.firstIndex { !$0.isAnswered && ScenarioValue.isEqual($0.command, command) }
    }

    /// Takes note that a command was rejected, and says when it was sent.
    mutating func answer(_ index: Int) -> Timestamp {
        sent[index].isAnswered = true
        return sent[index].at
    }

    /// Carries out what follows from an input, a deadline or a rejection.
    ///
    /// - Parameters:
    ///   - moment: Deadlines are reckoned from it.
    ///   - now: When it is recorded.
    /// - Returns: The promises of every process manager that are broken here.
    mutating func add(
        _ actions: [ProcessAction<P.Event, P.Command>], at moment: Timestamp, recordedAt now: Timestamp
    ) -> [String] {
        log.now = now
        var complaints: [String] = []
        for action in actions {
            switch action {
            case .record(let event): complaints += evolve(with: event)
            case .send(let command):
                complaints += Self.complaints(about: command)
                sent.append(Sent(command: command, at: now))
            case .setDeadline(let name, let wait): deadlines[name] = moment.advanced(by: wait)
            case .cancelDeadline(let name): deadlines[name] = nil
            }
        }
        return complaints
    }

    /// Evolves by an event as it is read when it has been written.
    private mutating func evolve(with event: P.Event) -> [String] {
        var complaints: [String] = []
        let read: [P.Event]
        do {
            let reader = P.Event.makeReader()
            read = try reader.decode(
                log.record(ScenarioLog.encoded(event), in: StreamName(category: P.category, id: "scenario")))
            if let loss = ScenarioText.loss(of: event, readAs: read) { complaints.append(loss) }
        } catch {
            complaints.append("The event \(event) of \(P.self) does not survive being written and read. \(error)")
            read = [event]
        }
        let before = state
        for event in read { P.evolve(&state, with: event) }
        var again = before
        for event in read { P.evolve(&again, with: event) }
        if let isEqual = ScenarioText.isEqual(state, again), !isEqual {
            complaints.append(
                "\(P.self).evolve is not deterministic: \(event) gave two states; let the state depend on the events "
                    + "alone.")
        }
        return complaints
    }

    private static func complaints(about command: P.Command) -> [String] {
        let text =
            "The command \(command) of \(P.self) does not survive being written and read, and would be sent as "
            + "another one."
        do {
            let reread = try ScenarioValue.reread(command)
            guard !reread.isSame else { return [] }
            return [text + "\n" + ScenarioText.comparison(expected: "\(command)", actual: "\(reread.value)")]
        } catch {
            return ["\(text) \(error)"]
        }
    }
}

/// What one process does because of an input, a deadline or a rejection.
struct ScenarioReaction<P: ProcessManager>: Sendable {
    let process: String
    let actions: [ProcessAction<P.Event, P.Command>]

    /// Whether actions are the same, by what their types tell or else by what would be written.
    static func areEqual(
        _ left: [ProcessAction<P.Event, P.Command>], _ right: [ProcessAction<P.Event, P.Command>]
    ) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).allSatisfy { left, right in
            switch (left, right) {
            case (.record(let left), .record(let right)): ScenarioValue.isEqual(left, right)
            case (.send(let left), .send(let right)): ScenarioValue.isEqual(left, right)
            case (.setDeadline(let left, let leftWait), .setDeadline(let right, let rightWait)):
                left == right && leftWait == rightWait
            case (.cancelDeadline(let left), .cancelDeadline(let right)): left == right
            default: false
            }
        }
    }
}

/// A projection's or process manager's own code threw.
struct ScenarioRefusal: Error, CustomStringConvertible {
    let reason: String

    init(_ error: any Error) { reason = String(describing: error) }

    var description: String { "It threw: \(reason)" }

    /// Whatever the code throws.
    static func catching<Value>(_ body: () throws -> Value) throws(ScenarioRefusal) -> Value {
        do { return try body() } catch { throw ScenarioRefusal(error) }
    }
}
