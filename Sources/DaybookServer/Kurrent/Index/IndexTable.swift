#if Server
import DaybookCore
import Synchronization

/// The ``OrdinalTable`` of one stream that is read from the index, which grows as far as somebody asks.
///
/// Whoever asks for more than it has reads the log on where it ended, a page at a time. One reads at a time, for all who wait;
/// when it is cancelled or fails, one of those goes on. So the log is read once, by tasks that have an owner.
final class IndexTable: Sendable {
    private struct State {
        var ordinals: OrdinalTable
        /// How far the log was looked through.
        var through = Position.start
        /// How many pages were begun, and which of them was the last to reach the log's end.
        var pages = 0
        var lastAtEnd = 0
        var isReading = false
        var waiters: [Int: CheckedContinuation<Turn, any Error>] = [:]
        var nextWaiter = 0

        mutating func takeWaiters() -> [CheckedContinuation<Turn, any Error>] {
            defer { waiters = [:] }
            return Array(waiters.values)
        }
    }

    /// How far the table has to reach for somebody.
    private enum Goal: Sendable {
        case event(Int64)
        case position(Position)
        case end

        func isReached(by state: State) -> Bool {
            switch self {
            case .event(let ordinal): state.ordinals.count > ordinal
            case .position(let position): state.through >= position
            case .end: false
            }
        }
    }

    /// What somebody who asked for more has to do.
    private enum Turn: Sendable {
        case nothing
        case read
        /// Look again: another one has read.
        case look
    }

    /// How many events of the log a page has.
    private static let pageEvents = 1_000

    private let store: any EventStore
    private let stream: IndexStream
    private let state: Mutex<State>
    let links: IndexStream.Links

    init(of stream: IndexStream, in store: any EventStore) {
        self.stream = stream
        self.store = store
        links = IndexStream.Links(of: stream)
        state = Mutex(State(ordinals: OrdinalTable(keepsEveryPosition: stream.isOfStreams)))
    }

    /// How many events were found so far.
    var count: Int64 { state.withLock(\.ordinals.count) }

    // MARK: - What it tells

    /// Whether the stream has any event.
    func hasEvents() async throws -> Bool {
        try await extend(to: .event(0))
        return count > 0
    }

    /// How many events the stream has, and how far the log was looked through for them: to where its end was, or is by now.
    func end() async throws -> (count: Int64, through: Position) {
        try await extend(to: .end)
        return state.withLock { (count: $0.ordinals.count, through: $0.through) }
    }

    /// Where to look for an event: the ordinal number of the first event that is at or behind a position, which is at most
    /// ``OrdinalTable/stride`` before the one that is asked for, or that one itself. The event need not be there yet, if it is
    /// the next one that comes; nil when it is a later one.
    func place(of ordinal: Int64) async throws -> (ordinal: Int64, position: Position)? {
        try await extend(to: .event(ordinal))
        return state.withLock { state -> (ordinal: Int64, position: Position)? in
            if ordinal < state.ordinals.count { return state.ordinals.mark(before: ordinal) }
            guard ordinal == state.ordinals.count else { return nil }
            return (ordinal: ordinal, position: state.through.next)
        }
    }

    /// Where to look for the events up to a position: one that is at most ``OrdinalTable/stride`` events before the last of them;
    /// nil when there is none.
    func place(upTo position: Position) async throws -> (ordinal: Int64, position: Position)? {
        try await extend(to: .position(position))
        return state.withLock { $0.ordinals.mark(upTo: position) }
    }

    /// The positions of consecutive events, of a stream of which every position is kept, and how many events there are.
    func positions(from ordinal: Int64, limit: Int) async throws -> (positions: [Position], count: Int64) {
        let (end, overflow) = ordinal.addingReportingOverflow(Int64(limit))
        try await extend(to: overflow ? .end : .event(end - 1))
        return state.withLock { state -> (positions: [Position], count: Int64) in
            let count = state.ordinals.count
            guard ordinal < count else { return (positions: [], count: count) }
            return (positions: state.ordinals.positions(from: ordinal, limit: limit), count: count)
        }
    }

    // MARK: - How it grows

    /// Reads the log on, until a goal is reached, or the end was seen as it was at the call or later.
    private func extend(to goal: Goal) async throws {
        guard let filter = stream.filter else { return }
        let begun = state.withLock(\.pages)
        while true {
            switch try await turn(to: goal, since: begun) {
            case .nothing: return
            case .read: try await readPage(filter)
            case .look: continue
            }
        }
    }

    private func turn(to goal: Goal, since begun: Int) async throws -> Turn {
        let key = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer = state.withLock { state -> Result<Turn, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if goal.isReached(by: state) || state.lastAtEnd > begun { return .success(.nothing) }
                    guard state.isReading else {
                        state.isReading = true
                        state.pages += 1
                        return .success(.read)
                    }
                    state.waiters[key] = continuation
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: key) }?.resume(throwing: CancellationError())
        }
    }

    /// Reads one page, which is this task's to read, and wakes those who wait for it, however it ends.
    private func readPage(_ filter: EventFilter) async throws {
        let through = state.withLock(\.through)
        let page: LogPage?
        let failure: (any Error)?
        do {
            page = try await store.readPage(
                from: .after(through), direction: .forward, filter: filter, limit: Self.pageEvents)
            failure = nil
        } catch {
            page = nil
            failure = error
        }
        let waiters = state.withLock { state in
            if let page {
                for event in page.events where stream.includes(event) { state.ordinals.append(event.position) }
                state.through = max(state.through, page.scannedThrough)
                if page.isAtEnd { state.lastAtEnd = state.pages }
            }
            state.isReading = false
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume(returning: .look) }
        if let failure { throw failure }
    }
}
#endif
