import DaybookCore

extension EventStoreLaw {
    static let order: [EventStoreLaw] = [
        EventStoreLaw("No position appears below one that a reader has seen, under 16 writers") { store in
            let appends = 90
            let streams: [StreamName] = (0..<5).map { StreamName(unchecked: "shared-\($0)") }
            let ending = Ending()
            let (followed, results) = try await withThrowingTaskGroup(of: [AppendResult].self) { group in
                for writer in 0..<16 {
                    group.addTask {
                        var random = SplitMix64(seed: UInt64(writer))
                        var results: [AppendResult] = []
                        for round in 0..<appends {
                            var request = AppendRequest()
                            request.append(facts(1 + round % 3), to: streams[writer % streams.count])
                            if random.oneIn(4) { request.append(facts(1), to: StreamName(unchecked: "own-\(writer)")) }
                            let result = try await store.append(request)
                            let head = try await store.head()
                            try require(
                                head >= result.position,
                                "An append at \(result.position) was acknowledged while the head was \(head)")
                            if let last = results.last {
                                try require(
                                    result.position > last.position && result.recordedAt >= last.recordedAt,
                                    "An append went back from \(last.position) to \(result.position)")
                            }
                            results.append(result)
                        }
                        return results
                    }
                }
                async let followed = Self.follow(store, until: ending)
                var results: [AppendResult] = []
                for try await some in group { results += some }
                ending.come()
                return (try await followed, results)
            }
            let log = try await store.wholeLog()
            try requireSame(followed, log, "What a reader saw grow, compared with the log")
            try requireEqual(log.count, results.reduce(0) { $0 + $1.eventCount }, "The number of events of the log")
            try Self.requireOrder(log)
            let byPosition = Dictionary(uniqueKeysWithValues: log.enumerated().map { ($1.position, $0) })
            for result in results {
                guard let end = byPosition[result.position], end + 1 >= result.eventCount else {
                    throw LawViolation("An acknowledged append at \(result.position) is not in the log")
                }
                for event in log[(end + 1 - result.eventCount)...end] {
                    try require(
                        result.streams.contains { $0.stream == event.stream } && event.recordedAt == result.recordedAt,
                        "Within the append that ends at \(result.position) stands \(event.place)")
                }
                for streamEnd in result.streams {
                    try require(
                        log[...end].last { $0.stream == streamEnd.stream }?.version == streamEnd.version,
                        "The append at \(result.position) was told another version of '\(streamEnd.stream)'")
                }
            }
            for stream in streams {
                try requireSame(
                    try await store.wholeStream(stream), log.filter { $0.stream == stream }, "The stream '\(stream)'")
            }
        },
        EventStoreLaw("An append is seen by every read that begins after it") { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        let stream = StreamName(unchecked: "own-\(writer)")
                        for round in 0..<25 {
                            let result = try await store.append([fact(round)], to: stream)
                            let page = try await store.readPage(of: stream, from: .end, direction: .backward, limit: 1)
                            try requireEqual(
                                page.events.first?.position, result.position, "The last event of '\(stream)'")
                            try requireEqual(page.state.lastVersion, result.version, "The last version of '\(stream)'")
                            let log = try await store.readPage(
                                from: .position(result.position), direction: .forward, filter: .all, limit: 1)
                            try requireEqual(
                                log.events.first?.position, result.position, "The event at \(result.position)")
                            try requireEqual(
                                try await store.state(of: stream).lastVersion, result.version,
                                "The state of '\(stream)'")
                        }
                    }
                }
                try await group.waitForAll()
            }
        },
        EventStoreLaw("The first position is at least 1, and the head of an empty log is the start") { store in
            try requireEqual(try await store.head(), .start, "The head of an empty log")
            let result = try await store.append(facts(3), to: "account-1")
            try requireEqual(try await store.head(), result.position, "The head after the first append")
            let log = try await store.wholeLog()
            try require((log.first?.position ?? .start) >= 1, "The first event stands \(log.first?.place ?? "nowhere")")
            try Self.requireOrder(log)
        },
        EventStoreLaw("The head that a waiter is told lies beyond the position it waited for") { store in
            for round in 0..<20 {
                let before = try await store.head()
                async let head = store.head(beyond: before)
                let result = try await store.append([fact(round)], to: "account-1")
                let seen = try await head
                try require(
                    seen > before && seen >= result.position,
                    "A waiter beyond \(before) was told \(seen) after an append at \(result.position)")
                try requireEqual(try await store.head(beyond: before), result.position, "The head, told at once")
            }
        },
    ]

    /// Reads the log as it grows, each page behind the last one, until its end after the writers are done.
    private static func follow(_ store: any EventStore, until writers: Ending) async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        var scanned = Position.start
        while true {
            try Task.checkCancellation()
            let areDone = writers.hasCome
            let page = try await store.readPage(
                from: .after(scanned), direction: .forward, filter: .everything, limit: 100)
            events += page.events
            scanned = max(scanned, page.scannedThrough)
            guard page.isAtEnd else { continue }
            if areDone { return events }
            await Task.yield()
        }
    }

    /// Positions grow, versions of each stream have no gaps, times never go back.
    static func requireOrder(_ log: [RecordedEvent]) throws(LawViolation) {
        var versions: [StreamName: StreamVersion] = [:]
        var previous: RecordedEvent?
        for event in log {
            if let previous {
                try require(event.position > previous.position, "\(event.place) follows \(previous.place)")
                try require(
                    event.recordedAt >= previous.recordedAt,
                    "\(event.place) has the time \(event.recordedAt), after \(previous.recordedAt)")
            }
            try requireEqual(
                event.version, versions[event.stream]?.next ?? .first, "The version of \(event.place) in its stream")
            versions[event.stream] = event.version
            previous = event
        }
    }
}
