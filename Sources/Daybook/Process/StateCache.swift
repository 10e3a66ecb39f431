import DaybookCore
import Synchronization

/// Values by stream, at most a given number, in two generations: a value used moves to the young one, and when that is
/// half the limit, the old one is dropped and the young one grows old. Least recently used, roughly, at O(1).
final class StateCache<Value: Sendable>: Sendable {
    private struct Generations: Sendable {
        var young: [StreamName: Value] = [:]
        var old: [StreamName: Value] = [:]
    }

    private let limit: Int
    private let generations = Mutex(Generations())

    init(limit: Int) { self.limit = limit }

    var count: Int { generations.withLock { $0.young.count + $0.old.count } }

    func value(for stream: StreamName) -> Value? {
        guard limit > 0 else { return nil }
        return generations.withLock { $0.young[stream] ?? $0.old[stream] }
    }

    /// Removes a value and returns it, so that its user holds the only reference and may change it in place.
    func take(_ stream: StreamName) -> Value? {
        guard limit > 0 else { return nil }
        return generations.withLock { $0.young.removeValue(forKey: stream) ?? $0.old.removeValue(forKey: stream) }
    }

    func put(_ value: Value, for stream: StreamName) {
        guard limit > 0 else { return }
        generations.withLock { generations in
            generations.old.removeValue(forKey: stream)
            generations.young[stream] = value
            if generations.young.count >= max(1, limit / 2) {
                generations.old = generations.young
                generations.young = [:]
            }
        }
    }
}
