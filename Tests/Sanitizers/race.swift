// A planted data race: two threads count in the same place, and nothing says which goes first. A run under the thread
// sanitizer that does not report it would not report one of ours either.
import Dispatch
import Foundation

final class Counter: @unchecked Sendable {
    var count = 0
}

let counter = Counter()
let ended = DispatchSemaphore(value: 0)
for _ in 0..<2 {
    Thread.detachNewThread {
        // Slowly, so that both live at once, on however few processors.
        for _ in 0..<50 {
            counter.count &+= 1
            usleep(5_000)
        }
        ended.signal()
    }
}
for _ in 0..<2 { ended.wait() }
print(counter.count)
