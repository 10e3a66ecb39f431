// A planted data race: two threads count in the same place. A run under the thread sanitizer that does not report it
// would not report one of ours either.
import Dispatch

final class Counter: @unchecked Sendable {
    var count = 0
}

let counter = Counter()
DispatchQueue.concurrentPerform(iterations: 2) { _ in
    for _ in 0..<100_000 { counter.count &+= 1 }
}
print(counter.count)
