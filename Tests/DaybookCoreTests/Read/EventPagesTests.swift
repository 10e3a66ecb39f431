import Synchronization
import Testing

@testable import DaybookCore

@Suite("Pages that are read ahead", .timeLimit(.minutes(1)))
struct EventPagesTests {
    /// Pages of two events each, numbered from 1 on, and what was asked of them.
    private final class Source: Sendable {
        let pages: Int
        let failing: Int?
        let slow: Int?
        private let asked = Mutex<[Int]>([])
        let cancelled = Mutex(false)
        let begun = Flag()
        let ended = Flag()

        init(pages: Int, failing: Int? = nil, slow: Int? = nil) {
            self.pages = pages
            self.failing = failing
            self.slow = slow
        }

        var readSoFar: [Int] { asked.withLock { $0 } }

        func sequence() -> EventPages<Int> {
            EventPages(from: 1) { [self] number throws(ReadError) in
                asked.withLock { $0.append(number) }
                if number == slow {
                    begun.raise()
                    do { try await Task.sleep(for: .seconds(600)) } catch {
                        cancelled.withLock { $0 = true }
                        ended.raise()
                        throw .cancelled
                    }
                }
                if number == failing { throw .storageFailed(reason: "page \(number)") }
                let events = [2 * number - 1, 2 * number].map { event(Int64($0)) }
                return .init(events: events, next: number < pages ? number + 1 : nil)
            }
        }
    }

    /// What one task waits for, and another one says.
    private final class Flag: Sendable {
        private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        func raise() { continuation.finish() }
        func wait() async { for await _ in stream {} }
    }

    /// Runs the tasks that prefer it when it is told to, on the caller's thread.
    private final class HeldExecutor: TaskExecutor {
        private let jobs = Mutex<[UnownedJob]>([])

        func enqueue(_ job: consuming ExecutorJob) {
            let ready = UnownedJob(job)
            jobs.withLock { $0.append(ready) }
        }

        /// Runs what there is, and what comes of it.
        func runAll() {
            while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
                job.runSynchronously(on: asUnownedTaskExecutor())
            }
        }
    }

    private static func event(_ position: Int64) -> RecordedEvent {
        RecordedEvent(
            id: EventID(), type: "counted", schemaVersion: 1, contentType: .json, data: [], metadata: [], tags: [],
            stream: "counted-1", version: StreamVersion(position), position: Position(position),
            recordedAt: Timestamp(microseconds: 0))
    }

    private func positions(_ pages: inout EventPages<Int>, _ count: Int = .max) async throws(ReadError) -> [Int64] {
        var found: [Int64] = []
        while found.count < count, let event = try await pages.next(isolation: nil) {
            found.append(event.position.rawValue)
        }
        return found
    }

    @Test("come in order, each read once", arguments: 1...6)
    func order(pages count: Int) async throws {
        let source = Source(pages: count)
        var pages = source.sequence()
        #expect(try await positions(&pages) == (1...Int64(2 * count)).map { $0 })
        #expect(try await positions(&pages) == [])
        #expect(source.readSoFar == Array(1...count))
    }

    @Test("are not read as long as one is enough")
    func short() async throws {
        let source = Source(pages: 9)
        let executor = HeldExecutor()
        let reader = Task(executorPreference: executor) { () async throws(ReadError) -> [Int64] in
            var pages = source.sequence()
            return try await positions(&pages, 2)
        }
        // A page that is read ahead is read there, too.
        executor.runAll()
        #expect(source.readSoFar == [1])
        #expect(try await reader.value == [1, 2])
    }

    @Test("are read while the one before is used, and given up with the reader")
    func abandoned() async throws {
        let source = Source(pages: 9, slow: 3)
        do {
            var pages = source.sequence()
            #expect(try await positions(&pages, 3) == [1, 2, 3])
            await source.begun.wait()
            #expect(source.readSoFar == [1, 2, 3])
            #expect(!source.cancelled.withLock { $0 })
        }
        await source.ended.wait()
        #expect(source.cancelled.withLock { $0 })
    }

    @Test("are given up when the reader's task is cancelled while it waits for one")
    func cancelled() async throws {
        let source = Source(pages: 9, slow: 3)
        let reader = Task { () async throws(ReadError) -> [Int64] in
            var pages = source.sequence()
            return try await positions(&pages)
        }
        await source.begun.wait()
        reader.cancel()
        await #expect(throws: ReadError.cancelled) { try await reader.value }
    }

    @Test("tell what failed behind all that was read before", arguments: 1...4)
    func failing(page: Int) async throws {
        let source = Source(pages: 4, failing: page)
        var pages = source.sequence()
        #expect(try await positions(&pages, 2 * (page - 1)) == (1..<Int64(2 * page - 1)).map { $0 })
        await #expect(throws: ReadError.storageFailed(reason: "page \(page)")) { try await positions(&pages) }
    }

    @Test("are read anew when a reader asks again behind a failure", arguments: 1...4)
    func failingOnce(page: Int) async throws {
        let isFailing = Mutex(true)
        var pages = EventPages<Int>(from: 1) { number throws(ReadError) in
            if number == page, isFailing.withLock({ $0 }) { throw .storageFailed(reason: "page \(number)") }
            return .init(events: [Self.event(Int64(number))], next: number < 4 ? number + 1 : nil)
        }
        #expect(try await positions(&pages, page - 1) == (1..<Int64(page)).map { $0 })
        await #expect(throws: ReadError.storageFailed(reason: "page \(page)")) { try await positions(&pages) }
        isFailing.withLock { $0 = false }
        #expect(try await positions(&pages) == (Int64(page)...4).map { $0 })
    }

    @Test("of a copied reader are its own")
    func copied() async throws {
        let source = Source(pages: 6)
        var pages = source.sequence()
        #expect(try await positions(&pages, 5) == [1, 2, 3, 4, 5])
        var copy = pages
        #expect(try await positions(&pages) == (6...12).map { Int64($0) })
        #expect(try await positions(&copy) == (6...12).map { Int64($0) })
    }
}
