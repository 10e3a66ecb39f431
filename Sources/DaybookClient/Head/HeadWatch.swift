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
        /// What they ask it to go beyond; nil when they ask for the head as it is.
        var asked: Position?
        /// How often what was known has been forgotten.
        var losses = 0
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
                let (answer, former) = state.withLock { state -> (Outcome?, Task<Void, Never>?) in
                    if Task.isCancelled { return (.failure(.cancelled), nil) }
                    if state.isClosed { return (.failure(.closed), nil) }
                    if let known = state.known, known > position { return (.success(known), nil) }
                    state.waiters[id] = Waiter(position: position, continuation: continuation)
                    guard let asking = state.asking else {
                        beginAsking(&state)
                        return (nil, nil)
                    }
                    // Who asks may still ask to go beyond a head that was known, and has been forgotten since.
                    guard let asked = state.asked, position < asked else { return (nil, nil) }
                    beginAsking(&state)
                    return (nil, asking)
                }
                former?.cancel()
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

    private func beginAsking(_ state: inout State) {
        state.turn += 1
        state.asked = nil
        let turn = state.turn
        // Ends with the last who waits: those who began to wait later are its charge, too.
        state.asking = Task { await self.follow(turn) }
    }

    /// To be asked before a server is, and given to ``note(_:asOf:)`` with what it says.
    var losses: Int { state.withLock(\.losses) }

    /// Takes into account that the log has come to a position.
    ///
    /// - Parameter losses: Before the server was asked that tells it; one that is lost since does not count.
    func note(_ head: Position, asOf losses: Int) {
        let (ready, known) = state.withLock { state -> ([Waiter], Position) in
            guard state.losses == losses else { return ([], head) }
            let known = max(state.known ?? head, head)
            state.known = known
            return (state.takeReady(), known)
        }
        for waiter in ready { waiter.continuation.resume(returning: .success(known)) }
    }

    /// The server may be another one from now on: what is known of its log does not count.
    func forget() {
        state.withLock { state in
            state.known = nil
            state.losses += 1
        }
    }

    private func follow(_ turn: Int) async {
        while true {
            let (isOver, known, losses) = state.withLock { state -> (Bool, Position?, Int) in
                guard state.turn == turn, state.asking != nil else { return (true, nil, state.losses) }
                guard !state.waiters.isEmpty else {
                    state.asking = nil
                    return (true, nil, state.losses)
                }
                state.asked = state.known
                return (false, state.known, state.losses)
            }
            if isOver { return }
            do throws(ReadError) {
                note(try await ask(known), asOf: losses)
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
