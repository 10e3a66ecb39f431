import DaybookCore
import Synchronization

/// One run of a ``SystemTorture``: what has been called through all starts of the system, and what is still to happen.
final class TortureRun: Sendable {
    private struct State {
        var steps: Set<SystemTortureStep>
        /// Steps that have happened, and what they met with.
        var notes: [SystemTortureStep: String] = [:]
        var calls = 0
        var changes = 0
        /// Appends that are to be repeated, by the number of their change.
        var appends: [Int: AppendRequest] = [:]
    }

    private let state: Mutex<State>
    private let limit: Int

    init(_ steps: [SystemTortureStep], limit: Int) {
        state = Mutex(State(steps: Set(steps)))
        self.limit = limit
    }

    var notes: [SystemTortureStep: String] { state.withLock(\.notes) }
    var isOverLimit: Bool { state.withLock { $0.calls > limit } }

    /// Counts a call.
    ///
    /// - Returns: How many turns it is to wait; nil when there were too many calls.
    func beginCall(_ what: () -> String) -> Int? {
        state.withLock { state in
            state.calls += 1
            guard state.calls <= limit else { return nil }
            var turns = 0
            for case .delay(state.calls, let count) in state.steps {
                turns += count
                state.notes[.delay(call: state.calls, turns: count)] = what()
            }
            return turns
        }
    }

    func beginChange() -> Int {
        state.withLock { state in
            state.changes += 1
            return state.changes
        }
    }

    /// Takes note of a change that has had its effect.
    ///
    /// - Returns: The appends that reach the store again now.
    func endChange(_ number: Int, _ request: AppendRequest?) -> [AppendRequest] {
        state.withLock { state in
            var repeats: [AppendRequest] = []
            for case .repeatAppend(let change, let after) in state.steps {
                if change == number { state.appends[change] = request }
                guard after == number, let request = state.appends[change] else { continue }
                state.notes[.repeatAppend(change: change, after: after)] = request.summary
                repeats.append(request)
            }
            return repeats
        }
    }

    /// Whether a crash happens here.
    func takes(_ step: SystemTortureStep, _ what: () -> String) -> Bool {
        state.withLock { state in
            guard state.steps.contains(step) else { return false }
            state.notes[step] = what()
            return true
        }
    }
}
