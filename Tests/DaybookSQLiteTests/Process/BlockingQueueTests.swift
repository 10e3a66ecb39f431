import Dispatch
import Foundation
import Synchronization
import Testing

@testable import DaybookSQLite

@Suite("The queue between tasks and threads")
struct BlockingQueueTests {
    @Test(
        "hands out each element once, whether threads watch or sleep", .timeLimit(.minutes(1)),
        arguments: [false, true], [1, 3])
    func everyElement(watches: Bool, threads: Int) async {
        let queue = BlockingQueue<Int>(watches: watches)
        let taken = Mutex<[Int]>([])
        let ended = DispatchSemaphore(value: 0)
        for _ in 0..<threads {
            Thread.detachNewThread {
                while let elements = queue.take(atMost: 3) { taken.withLock { $0 += elements } }
                ended.signal()
            }
        }
        // Bursts, and pauses of which some are shorter than a thread watches and some longer.
        var next = 0
        for round in 0..<400 {
            for _ in 0...(round % 5) {
                #expect(queue.add(next))
                next += 1
            }
            switch round % 8 {
            case 3: usleep(20)
            case 5: usleep(90)
            case 7: usleep(300)
            default: break
            }
        }
        // Each element is taken although none comes behind it.
        while taken.withLock({ $0.count }) < next, !Task.isCancelled { await Task.yield() }
        queue.close()
        for _ in 0..<threads { ended.wait() }
        #expect(!queue.add(next))
        let all = taken.withLock { $0 }
        #expect(threads == 1 ? all == Array(0..<next) : all.sorted() == Array(0..<next))
    }

    @Test("closed while a thread watches or sleeps, ends it", arguments: [false, true])
    func closing(watches: Bool) {
        for round in 0..<100 {
            let queue = BlockingQueue<Int>(watches: watches)
            let ended = DispatchSemaphore(value: 0)
            let answers = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                while let elements = queue.take(atMost: 1) { for _ in elements { answers.signal() } }
                ended.signal()
            }
            for element in 0..<3 {
                #expect(queue.add(element))
                guard answers.wait(timeout: .now() + 60) == .success else {
                    Issue.record("element \(element) was not taken")
                    return
                }
            }
            if round % 2 == 0 { usleep(UInt32(round)) }
            queue.close()
            #expect(ended.wait(timeout: .now() + 60) == .success)
        }
    }
}
