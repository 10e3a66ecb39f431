import Daybook
import Synchronization

/// Counts events as they come, until all are there, and tells how fast they came.
public final class Arrivals: Sendable {
    /// Fewer came than there are, or all at once, which says nothing of their rate.
    public struct TooFew: Error, CustomStringConvertible {
        public let came: Int
        public let expected: Int

        public var description: String { "\(came) of \(expected) events came, in two batches at least: give it more." }
    }

    private struct State {
        var count = 0
        /// How many events the first batch had.
        var first = 0
        var began = ContinuousClock.now
        var ended = ContinuousClock.now
    }

    private let expected: Int
    private let state = Mutex(State())
    private let end: AsyncStream<Void>
    private let ending: AsyncStream<Void>.Continuation

    public init(of expected: Int) {
        self.expected = expected
        (end, ending) = AsyncStream.makeStream()
    }

    public var isComplete: Bool { state.withLock { $0.count >= expected } }

    /// Notes a batch; of what comes when all are there, nothing.
    public func add(_ events: Int) {
        let isComplete = state.withLock { state in
            guard state.count < expected else { return true }
            let now = ContinuousClock.now
            if state.count == 0 {
                state.first = events
                state.began = now
            }
            state.count += events
            state.ended = now
            return state.count >= expected
        }
        if isComplete { ending.finish() }
    }

    /// Events a second from the first batch to the last one, without those of the first: what comes before, such as
    /// joining a group, is no part of it.
    ///
    /// - Throws: ``TooFew``.
    public func rate() throws -> Double {
        let state = state.withLock { $0 }
        guard state.count >= expected, state.count > state.first else {
            throw TooFew(came: state.count, expected: expected)
        }
        return Double(state.count - state.first) / (state.began.duration(to: state.ended) / .seconds(1))
    }

    /// Runs a source into a handler that only counts, until so many events came.
    ///
    /// - Throws: What the source throws; ``TooFew`` when it ends before.
    public static func rate(of source: some EventSource, events: Int) async throws -> Double {
        let arrivals = Arrivals(of: events)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await source.run { batch in
                    for message in batch.messages {
                        if case .failure(let error) = message.content {
                            fatalError("\(message.origin) is no event: \(error)")
                        }
                    }
                    arrivals.add(batch.messages.count)
                }
            }
            group.addTask { for await _ in arrivals.end {} }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
        return try arrivals.rate()
    }
}
