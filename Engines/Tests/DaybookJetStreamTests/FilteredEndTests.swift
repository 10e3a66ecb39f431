import DaybookCore
import Testing

@testable import DaybookJetStream

@Suite(
    "The end of a read along a tag or a category", .enabled(if: TestCluster.isThere, TestCluster.skipped),
    .timeLimit(.minutes(5)))
struct FilteredEndTests {
    private func event(_ tag: DaybookCore.Tag) -> NewEvent { NewEvent(type: "changed", data: [], tags: [tag]) }

    @Test("is told by nobody who has not come as far as the log, as a leader that was deposed has not")
    func witness() async throws {
        var configuration = TestCluster.configuration()
        configuration.readPatience = .milliseconds(300)
        try await TestCluster.withStore(configuration) { store in
            try await store.append([event("a")], to: "account-1")
            let last = try #require(try await store.lastMessage())
            for subject in [store.subjects.subject(of: "a" as DaybookCore.Tag), store.subjects.subjects(of: "account")]
            {
                #expect(
                    try await store.isEnd(last.sequence + 1, of: subject, upTo: last.sequence, witness: last.subject)
                        == true)
                // To the server of this test a log that ends further on is what the log is to a leader that was deposed.
                await #expect(throws: ReadError.self) {
                    try await store.isEnd(
                        last.sequence + 1, of: subject, upTo: last.sequence + 3, witness: last.subject)
                }
            }
            #expect(
                try await store.isEnd(
                    1, of: store.subjects.subjects(of: "account"), upTo: last.sequence, witness: last.subject) == false)
        }
    }

    @Test(
        "is found where few events lie behind the last one that fits, where many do, and where a category has many streams"
    )
    func ends() async throws {
        try await TestCluster.withStore { store in
            func read(_ category: DaybookCore.Category) async throws -> (Int, Position, Bool) {
                var count = 0
                var position = Position.start
                while true {
                    let page = try await store.readPage(
                        from: .after(position), direction: .forward, filter: EventFilter(categories: [category]),
                        limit: 1_000)
                    count += page.events.count
                    position = page.scannedThrough
                    if page.isAtEnd { return (count, position, page.isAtEnd) }
                }
            }
            func add(_ count: Int, _ category: String, streams: Int) async throws {
                for start in stride(from: 0, to: count, by: 400) {
                    var request = AppendRequest()
                    for number in start..<min(start + 400, count) where number < streams {
                        request.append([event("t")], to: StreamName(unchecked: "\(category)-\(number)"))
                    }
                    if count > streams {
                        request.append((0..<400).map { _ in event("t") }, to: StreamName(unchecked: "\(category)-x"))
                    }
                    try await store.append(request)
                }
            }
            try await add(1_600, "many", streams: 1_600)
            try await add(20, "few", streams: 20)
            for fillers in [0, 10, 2_000] {
                if fillers > 0 { try await add(fillers, "other", streams: 0) }
                let head = try await store.head()
                let (many, manyEnd, _) = try await read("many")
                let (few, fewEnd, _) = try await read("few")
                #expect(many == 1_600 && few == 20)
                #expect(manyEnd == head && fewEnd == head, "behind them lie \(fillers) others or more")
            }
        }
    }

    @Test("is found where the last events of a category's streams are together larger than a server's answer")
    func largeEvents() async throws {
        var configuration = TestCluster.configuration()
        configuration.readPatience = .seconds(10)
        try await TestCluster.withStore(configuration) { store in
            for part in 0..<10 {
                var request = AppendRequest()
                for number in part * 8..<part * 8 + 8 {
                    let data = [UInt8](repeating: UInt8(number), count: 900_000)
                    request.append(
                        [NewEvent(type: "scanned", contentType: .bytes, data: data)],
                        to: StreamName(unchecked: "scan-\(number)"))
                }
                try await store.append(request)
            }
            let others = (0..<800).map { _ in NewEvent(type: "changed", data: []) }
            let head = try await store.append(others, to: "other-1").position
            var count = 0
            var position = Position.start
            while position < head {
                let page = try await store.readPage(
                    from: .after(position), direction: .forward, filter: EventFilter(categories: ["scan"]), limit: 1_000
                )
                count += page.events.count
                position = page.scannedThrough
                #expect(page.isAtEnd == (position == head))
            }
            #expect(count == 80)
            // Nor is it too much for an append that rests on all of them, by a process which knows none.
            let other = try await TestCluster.connect(store.subjects.store, configuration)
            var request = AppendRequest()
            for number in 0..<80 {
                request.append(
                    [NewEvent(type: "closed", data: [])], to: StreamName(unchecked: "scan-\(number)"),
                    expecting: .version(0))
            }
            #expect(try await other.append(request).eventCount == 80)
            await other.close()
        }
    }
}
