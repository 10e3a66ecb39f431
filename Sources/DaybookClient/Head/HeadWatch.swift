#if Client
import DaybookCore
import DaybookProtocol
import Synchronization

/// Waits for the log to grow, for all who do: one call at a time asks the server, however many subscriptions there are.
///
/// What is known of the head is also what this client's own appends tell, so that they wake its subscriptions at once.
final class HeadWatch: Sendable {
    private typealias Outcome = Result<Position, ReadError>

    private struct Waiter {
        let position: Position
        let continuation: CheckedContinuation<Outcome, Never>
    }

    private struct State {
        /// The head as it was told last; nil when nobody knows.
        var known: Position?
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        /// Who asks the server, and which one of those who did.
        var asking: Task<Void, Never>?
        var turn = 0
        var isClosed = false

        /// Those whose wait is over.
        mutating func takeReady() -> [Waiter] {
            guard let known else { return [] }
            let ready = waiters.filter { $0.value.position < known }
            for key in ready.keys { waiters.removeValue(forKey: key) }
            return Array(ready.values)
        }

        mutating func takeAll() -> [Waiter] {
            defer { waiters = [:] }
            return Array(waiters.values)
        }
    }

    private let ask: @Sendable (_ beyond: Position?) async throws(ReadError) -> Position
    private let state = Mutex(State())

    /// - Parameter ask: Gets the head from the server, once it is beyond a position, or as it is.
    init(ask: @escaping @Sendable (_ beyond: Position?) async throws(ReadError) -> Position) { self.ask = ask }

    /// How many wait.
    var waiting: Int { state.withLock { $0.waiters.count } }

    func head(beyond position: Position) async throws(ReadError) -> Position {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let outcome: Outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Outcome? in
                    if Task.isCancelled { return .failure(.cancelled) }
                    if state.isClosed { return .failure(.closed) }
                    if let known = state.known, known > position { return .success(known) }
                    state.waiters[id] = Waiter(position: position, continuation: continuation)
                    if state.asking == nil {
                        state.turn += 1
                        let turn = state.turn
                        // Ends with the last who waits: those who began to wait later are its charge, too.
                        state.asking = Task { await self.follow(turn) }
                    }
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let (waiter, asking) = state.withLock { state -> (Waiter?, Task<Void, Never>?) in
                let waiter = state.waiters.removeValue(forKey: id)
                guard state.waiters.isEmpty, let asking = state.asking else { return (waiter, nil) }
                state.asking = nil
                return (waiter, asking)
            }
            asking?.cancel()
            waiter?.continuation.resume(returning: .failure(.cancelled))
        }
        return try outcome.get()
    }

    /// Takes into account that the log has come to a position.
    func note(_ head: Position) {
        let (ready, known) = state.withLock { state -> ([Waiter], Position) in
            let known = max(state.known ?? head, head)
            state.known = known
            return (state.takeReady(), known)
        }
        for waiter in ready { waiter.continuation.resume(returning: .success(known)) }
    }

    /// The server may be another one from now on: what is known of its log does not count.
    func forget() { state.withLock { $0.known = nil } }

    private func follow(_ turn: Int) async {
        while true {
            let (isOver, known) = state.withLock { state -> (Bool, Position?) in
                guard state.turn == turn, state.asking != nil else { return (true, nil) }
                guard !state.waiters.isEmpty else {
                    state.asking = nil
                    return (true, nil)
                }
                return (false, state.known)
            }
            if isOver { return }
            do throws(ReadError) {
                note(try await ask(known))
            } catch {
                let waiters = state.withLock { state -> [Waiter] in
                    guard state.turn == turn, state.asking != nil else { return [] }
                    state.asking = nil
                    state.known = nil
                    return state.takeAll()
                }
                for waiter in waiters { waiter.continuation.resume(returning: .failure(error)) }
                return
            }
        }
    }

    func close() {
        let (waiters, asking) = state.withLock { state -> ([Waiter], Task<Void, Never>?) in
            state.isClosed = true
            defer { state.asking = nil }
            return (state.takeAll(), state.asking)
        }
        asking?.cancel()
        for waiter in waiters { waiter.continuation.resume(returning: .failure(.closed)) }
    }
}
#endif
