#if Server
import DaybookCore
import NIOCore

/// Sends what is recorded to one client, and then what comes, as it takes it: one page is in memory.
struct HTTPFollower: Sendable {
    let store: any EventStore
    let reads: ReadMeter
    let follows: FollowMeter
    let filter: EventFilter
    /// The only stream that is wanted; its name begins those that the filter lets through.
    let stream: StreamName?
    let start: Position
    let pageSize: Int
    /// How long nothing is sent before a sign of life is.
    let heartbeat: Duration
    let shutdown: HTTPShutdown
    /// Who follows, and may do so no longer than they are allowed to; nil where everybody may.
    let access: CallAccess?

    private enum Wakening: Sendable {
        case head
        case heartbeat
        case shutdown
        case recheck
    }

    /// Returns when the server ends.
    ///
    /// - Parameter first: The page behind ``start``.
    /// - Throws: ``HTTPProblem`` when the store cannot be read; what `send` throws; `CancellationError`.
    func run(_ first: LogPage, send: (ByteBuffer) async throws -> Void) async throws {
        follows.open.add()
        defer { follows.open.subtract() }
        let clock = ContinuousClock()
        var page = first
        var scanned = start
        var told = start
        var isLive = false
        var lastSent = clock.now
        while true {
            var events = ServerSentEvents()
            try await access?.recheck()
            let visible = try await CallAccess.$current.withValue(access) { [page] in
                try await CallAccess.visible(page.events)
            }
            var count = 0
            var recordedAt: Timestamp?
            for event in visible where stream == nil || event.stream == stream {
                events.add(event)
                told = event.position
                count += 1
                if isLive, recordedAt == nil { recordedAt = event.recordedAt }
            }
            scanned = max(scanned, page.scannedThrough)
            if page.isAtEnd, !isLive {
                isLive = true
                events.addCaughtUp(scanned)
                told = scanned
            }
            if events.isEmpty, lastSent.duration(to: clock.now) >= heartbeat { addSign(to: &events, scanned, &told) }
            if !events.isEmpty {
                try await send(events.buffer)
                follows.sent(count, recordedAt: recordedAt)
                lastSent = clock.now
            }
            if page.isAtEnd {
                page = LogPage(events: [], scannedThrough: scanned, isAtEnd: true)  // The wait may be long.
                wait: while true {
                    switch try await wakening(beyond: scanned, within: heartbeat - lastSent.duration(to: clock.now)) {
                    case .head: break wait
                    case .shutdown: return
                    case .recheck: try await access?.recheck()
                    case .heartbeat:
                        var sign = ServerSentEvents()
                        addSign(to: &sign, scanned, &told)
                        try await send(sign.buffer)
                        lastSent = clock.now
                    }
                }
            }
            if shutdown.hasBegun { return }
            page = try await readPage(after: scanned)
        }
    }

    func readPage(after position: Position) async throws(HTTPProblem) -> LogPage {
        do {
            return try await reads.page(
                from: .after(position), .forward, filter: filter, limit: pageSize, in: store)
        } catch {
            throw HTTPProblem(error)
        }
    }

    /// What the client has not been told, or a comment.
    private func addSign(to events: inout ServerSentEvents, _ scanned: Position, _ told: inout Position) {
        if scanned > told {
            told = scanned
            events.addCheckpoint(scanned)
        } else {
            events.addHeartbeat()
        }
    }

    /// Waits for the log to grow, for the time of the next sign of life, or for the server's end.
    private func wakening(beyond position: Position, within time: Duration) async throws -> Wakening {
        try await withThrowingTaskGroup(of: Wakening.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                _ = try await store.head(beyond: position)
                return .head
            }
            group.addTask {
                try await Task.sleep(for: max(.zero, time))
                return .heartbeat
            }
            group.addTask {
                try await shutdown.wait()
                return .shutdown
            }
            if let access {
                group.addTask {
                    try await Task.sleep(for: access.recheckTime)
                    return .recheck
                }
            }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }
}
#endif
