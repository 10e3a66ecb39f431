#if Kafka
import Foundation

/// Runs a call that blocks on a thread of its own, off the cooperative ones; for what is rare.
func onOwnThread<Value: Sendable>(_ name: String, _ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        startThread(name) { continuation.resume(returning: body()) }
    }
}

extension Date {
    /// So long from now, at most 95 years: `NSCondition` counts nanoseconds, and traps beyond the year 2262.
    init(in patience: Duration) { self.init(timeIntervalSinceNow: min(patience / .seconds(1), 3_000_000_000)) }
}

func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread { body() }
    thread.name = name
    thread.start()
}
#endif
