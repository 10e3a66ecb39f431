import DaybookCore
import Synchronization

/// A store in front of another, that tells of calls, and may interfere with them.
final class ForwardingStore: EventStore {
    let base: any EventStore
    /// Runs before an append reaches the store behind; what it throws is the append's error.
    let beforeAppend: @Sendable (AppendRequest) async throws(AppendError) -> Void
    /// Runs after the append has succeeded; what it throws is the append's error all the same.
    let afterAppend: @Sendable (AppendRequest) async throws(AppendError) -> Void
    private let counts = Mutex((appends: 0, reads: 0))

    init(
        _ base: any EventStore,
        beforeAppend: @escaping @Sendable (AppendRequest) async throws(AppendError) -> Void = { _ in },
        afterAppend: @escaping @Sendable (AppendRequest) async throws(AppendError) -> Void = { _ in }
    ) {
        self.base = base
        self.beforeAppend = beforeAppend
        self.afterAppend = afterAppend
    }

    var appends: Int { counts.withLock(\.appends) }
    /// Pages of streams that were read.
    var reads: Int { counts.withLock(\.reads) }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        counts.withLock { $0.appends += 1 }
        try await beforeAppend(request)
        let result = try await base.append(request)
        try await afterAppend(request)
        return result
    }

    func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        counts.withLock { $0.reads += 1 }
        return try await base.readPage(of: stream, from: cursor, direction: direction, limit: limit)
    }

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
    }

    func state(of stream: StreamName) async throws(ReadError) -> StreamState { try await base.state(of: stream) }

    func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await base.streams(after: after, limit: limit)
    }

    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await base.receipt(for: command)
    }

    func head() async throws(ReadError) -> Position { try await base.head() }

    func head(beyond position: Position) async throws(ReadError) -> Position {
        try await base.head(beyond: position)
    }
}

/// Counts down, from any task.
final class Countdown: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    /// Whether the count has not run out yet; takes one of it.
    func take() -> Bool {
        left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }
}

/// A clock that does not wait: a sleep moves it on, and is remembered.
final class LeapingClock: Clock {
    typealias Duration = Swift.Duration

    struct Instant: InstantProtocol {
        var offset: Duration

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let state = Mutex((now: Instant(offset: .zero), sleeps: [Duration]()))
    private let onSleep: @Sendable () async -> Void

    init(onSleep: @escaping @Sendable () async -> Void = {}) { self.onSleep = onSleep }

    var now: Instant { state.withLock(\.now) }
    var minimumResolution: Duration { .zero }
    var sleeps: [Duration] { state.withLock(\.sleeps) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        state.withLock { state in
            state.sleeps.append(state.now.duration(to: deadline))
            state.now = max(state.now, deadline)
        }
        await onSleep()
        await Task.yield()
    }
}
