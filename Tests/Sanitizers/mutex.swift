// No race: two threads count in the same place, each while it holds a lock that the other waits for. A run under the thread
// sanitizer that reports this would report what is right.
import Dispatch
import Synchronization

let counter = Mutex(0)
DispatchQueue.concurrentPerform(iterations: 4) { _ in
    for round in 0..<20_000 {
        counter.withLock { count in
            count &+= 1
            // Held for long now and then, so that others stop spinning and ask the kernel.
            if round % 100 == 0 { for _ in 0..<20_000 { count ^= 1 } }
        }
    }
}
print(counter.withLock { $0 })
