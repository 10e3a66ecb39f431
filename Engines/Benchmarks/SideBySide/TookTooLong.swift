/// A part of a benchmark was not over in time.
public struct TookTooLong: Error, CustomStringConvertible {
    public let what: String
    public let limit: Duration

    public var description: String {
        "'\(what)' was not over within \(limit): see whether its server still answers, or measure fewer events."
    }
}

/// Runs a part of a benchmark, and gives it up when its time is over.
///
/// It is not waited for then, since what hangs may be deaf to cancellation: the program is to end with the error.
///
/// - Throws: What the body throws; ``TookTooLong``.
public func within<Value: Sendable>(
    _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let (outcomes, outcome) = AsyncThrowingStream<Value, any Error>.makeStream()
    // Tasks without an owner, so that none has to be waited for.
    let running = Task {
        do { outcome.yield(try await body()) } catch { outcome.finish(throwing: error) }
    }
    let timer = Task {
        try await Task.sleep(for: limit)
        outcome.finish(throwing: TookTooLong(what: what, limit: limit))
    }
    defer {
        running.cancel()
        timer.cancel()
    }
    var first = outcomes.makeAsyncIterator()
    guard let value = try await first.next() else { throw CancellationError() }
    return value
}
