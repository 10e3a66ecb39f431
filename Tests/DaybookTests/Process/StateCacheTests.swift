import DaybookCore
import Testing

@testable import Daybook

@Suite("The state cache")
struct StateCacheTests {
    @Test("never holds more than its limit, and keeps what is used", arguments: [0, 1, 2, 3, 10, 101])
    func bounded(limit: Int) {
        let cache = StateCache<Int>(limit: limit)
        for number in 0..<1000 {
            cache.put(number, for: StreamName(unchecked: "s-\(number)"))
            #expect(cache.count <= limit)
            if limit >= 10 {
                if number == 0 { continue }
                let kept = cache.take("s-0")
                #expect(kept == 0)
                if let kept { cache.put(kept, for: "s-0") }
            }
        }
        #expect(cache.value(for: "s-999") == (limit > 0 ? 999 : nil))
    }
}
