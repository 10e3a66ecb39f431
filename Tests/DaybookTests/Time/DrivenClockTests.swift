import DaybookTesting
import Synchronization
import Testing

@Suite("A driven clock", .timeLimit(.minutes(1)))
struct DrivenClockTests {
    /// What sleepers did, in their order.
    private final class Diary: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func write(_ line: String) { lines.withLock { $0.append(line) } }
    }

    @Test("wakes those whose time has come, and no others")
    func wakes() async throws {
        let clock = DrivenClock()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for seconds in [3, 1, 2] {
                group.addTask {
                    try await clock.sleep(for: .seconds(seconds))
                    return seconds
                }
            }
            try await clock.wait(forSleepers: 3)
            #expect(clock.deadlines.map(\.offset) == [.seconds(1), .seconds(2), .seconds(3)])
            clock.advance(by: .milliseconds(999))
            #expect(clock.deadlines.count == 3)
            clock.advance(by: .milliseconds(1))
            #expect(try await group.next() == 1)
            #expect(clock.deadlines.count == 2)
            clock.advance(by: .seconds(10))
            var woken: Set<Int> = []
            while let seconds = try await group.next() { woken.insert(seconds) }
            #expect(woken == [2, 3])
        }
        #expect(clock.now.offset == .seconds(11))
    }

    @Test("moves its time together with itself, and is not moved by it")
    func time() async throws {
        let clock = DrivenClock()
        let start = clock.time.now
        let sleeper = Task {
            try await clock.sleep(for: .seconds(1))
            return clock.time.now
        }
        try await clock.wait(forSleepers: 1)
        clock.time.advance(by: .seconds(100))
        #expect(clock.now.offset == .zero && clock.deadlines.count == 1)
        clock.advance(by: .seconds(1))
        #expect(try await sleeper.value == start.advanced(by: .seconds(101)))
    }

    @Test("does not sleep until a moment that has passed")
    func past() async throws {
        let clock = DrivenClock()
        clock.advance(by: .seconds(5))
        try await clock.sleep(until: DrivenClock.Instant(offset: .seconds(5)), tolerance: nil)
        try await clock.sleep(for: .zero)
        #expect(clock.deadlines.isEmpty)
    }

    @Test("ends the sleep of a task that is cancelled, before and while it sleeps")
    func cancels() async throws {
        let clock = DrivenClock()
        let asleep = Task { try await clock.sleep(for: .seconds(1)) }
        try await clock.wait(forSleepers: 1)
        asleep.cancel()
        await #expect(throws: CancellationError.self) { try await asleep.value }
        #expect(clock.deadlines.isEmpty)
        let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await clock.sleep(for: .seconds(1))
        }
        await #expect(throws: CancellationError.self) { try await early.value }
        let waiter = Task { try await clock.wait(forSleepers: 1) }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
    }

    @Test("lets a loop of sleeps go round once for each move")
    func loop() async throws {
        let clock = DrivenClock()
        let diary = Diary()
        let loop = Task {
            for round in 1...3 {
                try await clock.sleep(for: .seconds(1))
                diary.write("\(round) at \(clock.now)")
            }
        }
        for round in 1...3 {
            try await clock.wait(forSleepers: 1)
            #expect(diary.all.count == round - 1)
            clock.advance(by: .seconds(1))
        }
        try await loop.value
        #expect(diary.all == ["1 at 1.0 seconds", "2 at 2.0 seconds", "3 at 3.0 seconds"])
    }

    @Test("loses nobody when many sleep, wake and are cancelled at once")
    func contention() async throws {
        let clock = DrivenClock()
        let ticking = Task {
            while !Task.isCancelled {
                clock.advance(by: .milliseconds(1))
                await Task.yield()
            }
        }
        let woken = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let sleeper = Task { try await clock.sleep(for: .milliseconds(number % 7)) }
                    if number % 3 == 0 { sleeper.cancel() }
                    return (try? await sleeper.value) != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        ticking.cancel()
        await ticking.value
        // Those that were cancelled may have been woken before.
        #expect((133...200).contains(woken))
        #expect(clock.deadlines.isEmpty)
    }
}
