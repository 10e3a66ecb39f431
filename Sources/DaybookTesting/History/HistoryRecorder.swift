import DaybookCore
import Synchronization

/// Records what clients ask of a store, and what they are answered, with the order of beginnings and ends.
///
/// Instants are given out under one lock: right before the store is called, and right after it answered. So an operation
/// that ends at a lower instant than another begins was over before the other began, whatever the machine's clock says; and
/// what was over so shortly before that the thread had not noted it yet counts as simultaneous, which never makes a correct
/// store look wrong.
///
/// ```swift
/// let recorder = HistoryRecorder()
/// let clients = (0..<8).map { RecordingStore(base: store, recorder: recorder, client: $0) }
/// // … use each client in a task of its own, then:
/// let history = try await recorder.history(of: store)
/// ```
public final class HistoryRecorder: Sendable {
    /// An operation that has begun.
    struct Token: Sendable { var index: Int }

    private struct State {
        var instant: Int64 = 0
        var operations: [HistoryOperation] = []
        var openings: [History.Opening] = []
    }

    private let state: Mutex<State>
    private let file: HistoryFile?

    /// Records in memory.
    public convenience init() { self.init(file: nil, openings: [], operations: []) }

    /// Records in memory and in a file, each line of it before the next call is made, so that a process that is killed
    /// leaves everything it was told. Goes on behind what the file holds already: see ``HistoryFile``.
    public convenience init(appendingTo path: String) throws {
        let file = try HistoryFile(appendingTo: path)
        let (operations, openings) = try HistoryFile.contents(of: path)
        self.init(file: file, openings: openings, operations: operations)
    }

    private init(file: HistoryFile?, openings: [History.Opening], operations: [HistoryOperation]) {
        self.file = file
        var state = State()
        state.operations = operations
        state.openings = openings
        state.instant =
            (operations.lazy.map { max($0.started, $0.ended ?? 0) } + openings.lazy.map(\.instant)).max() ?? 0
        self.state = Mutex(state)
    }

    public var operations: [HistoryOperation] { state.withLock(\.operations) }

    /// The instant given out last; 0 before the first.
    public var instant: Int64 { state.withLock(\.instant) }

    /// Everything recorded, with the log of the store behind it. Call it when all operations are over.
    public func history(of store: some EventStore) async throws(ReadError) -> History {
        let (operations, openings) = state.withLock { ($0.operations, $0.openings) }
        return try await History(operations: operations, openings: openings, of: store)
    }

    /// Notes that the store was opened again, with nothing of an earlier process on its way any more.
    public func didOpen(head: Position) {
        state.withLock { state in
            state.instant += 1
            let opening = History.Opening(instant: state.instant, head: head)
            state.openings.append(opening)
            file?.add(opening)
        }
    }

    func begin(_ call: HistoryCall, by client: Int) -> Token {
        state.withLock { state in
            state.instant += 1
            let operation = HistoryOperation(
                client: client, started: state.instant, ended: nil, call: call, answer: .unanswered(call))
            state.operations.append(operation)
            file?.add(begun: operation)
            return Token(index: state.operations.count - 1)
        }
    }

    func end(_ token: Token, _ answer: HistoryAnswer) {
        state.withLock { state in
            state.instant += 1
            state.operations[token.index].ended = state.instant
            state.operations[token.index].answer = answer
            file?.add(ended: state.operations[token.index])
        }
    }
}

extension HistoryAnswer {
    /// What is known of a call that was never answered.
    static func unanswered(_ call: HistoryCall) -> HistoryAnswer {
        if case .append = call { .unknown } else { .nothing }
    }
}
