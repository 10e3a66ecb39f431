import DaybookCore

extension EventStoreLaw {
    static let atomicity: [EventStoreLaw] = [
        EventStoreLaw("An append to several streams is there as a whole, in the order of its writes") { store in
            try await store.append(facts(2), to: "account-2")
            var request = AppendRequest()
            let writes: [(StreamName, [NewEvent])] = [
                ("account-1", facts(3)), ("account-2", facts(1)), ("account-3", facts(2)),
            ]
            for (stream, events) in writes { request.append(events, to: stream) }
            let result = try await store.requireAccepted(request, "An append to three streams")
            try requireEqual(result.eventCount, 6, "The number of events of the result")
            try requireEqual(
                result.streams,
                [
                    .init(stream: "account-1", version: 2), .init(stream: "account-2", version: 2),
                    .init(stream: "account-3", version: 1),
                ], "The streams of the result")
            let log = Array(try await store.wholeLog().suffix(6))
            try requireEqual(log.last?.position, result.position, "The position of the last event")
            for (event, previous) in zip(log.dropFirst(), log) {
                try requireEqual(event.position, previous.position.next, "The position after \(previous.place)")
                try requireEqual(event.recordedAt, previous.recordedAt, "The time of \(event.place) in one append")
            }
            try requireEqual(log.last?.recordedAt, result.recordedAt, "The time of the result")
            try requireRecorded(log[0..<3], writes[0].1, in: "account-1", "The first write")
            try requireRecorded(log[3..<4], writes[1].1, in: "account-2", from: 2, "The second write")
            try requireRecorded(log[4..<6], writes[2].1, in: "account-3", "The third write")
        },
        EventStoreLaw("One expected version that does not hold keeps every write of the request out") { store in
            let streams: [StreamName] = ["account-1", "account-2", "account-3"]
            for stream in streams { try await store.append(facts(1), to: stream) }
            for wrong in streams {
                var request = AppendRequest()
                for stream in streams {
                    request.append(facts(2), to: stream, expecting: .version(stream == wrong ? 7 : 0))
                }
                try await store.requireRefusal(
                    of: request, "An append with a wrong version of '\(wrong)'",
                    with: .wrongExpectedVersion(stream: wrong, expected: .version(7), actual: 0))
                for stream in streams {
                    try requireEqual(try await store.wholeStream(stream).count, 1, "The events of '\(stream)' after it")
                }
            }
        },
        EventStoreLaw("A check that does not hold keeps every write of the request out, and one that holds none") {
            store in
            try await store.append(facts(3), to: "limits-1")
            for (expected, holds) in [
                (ExpectedVersion.version(2), true), (.version(1), false), (.version(3), false), (.noStream, false),
                (.streamExists, true), (.any, true),
            ] {
                let stream = StreamName(unchecked: "account-\(expected)")
                let request = AppendRequest.events(
                    facts(2), to: stream, checks: [.init(stream: "limits-1", expected: expected)])
                if holds {
                    try await store.requireAccepted(request, "An append with a check at \(expected)")
                    try requireEqual(try await store.wholeStream(stream).count, 2, "The events of '\(stream)'")
                } else {
                    try await store.requireRefusal(
                        of: request, "An append with a check at \(expected)",
                        with: .wrongExpectedVersion(stream: "limits-1", expected: expected, actual: 2))
                    try requireEqual(try await store.wholeStream(stream).count, 0, "The events of '\(stream)'")
                }
            }
            try requireEqual(
                try await store.state(of: "limits-1").lastVersion, 2, "The version of a stream that was only checked")
        },
        EventStoreLaw("A condition that does not hold keeps every write of the request out") { store in
            let seat = try await store.append([fact(type: "seat.taken", tags: ["seat:4"])], to: "booking-1")
            var request = AppendRequest(condition: AppendCondition(failIfEventsMatch: EventQuery(tags: ["seat:4"])))
            request.append(facts(2, tags: ["seat:4"]), to: "booking-2")
            request.append(facts(1, tags: ["seat:4"]), to: "booking-3")
            try await store.requireRefusal(
                of: request, "An append whose condition fails",
                with: .conditionFailed(after: .start, conflict: seat.position))
            try requireEqual(try await store.wholeStream("booking-2").count, 0, "The events of 'booking-2'")
            request.condition?.after = seat.position
            try await store.requireAccepted(request, "The same append after the position of the conflict")
        },
        EventStoreLaw("A request that breaks a rule writes nothing of it") { store in
            let twice = fact(1)
            var request = AppendRequest()
            request.append([twice], to: "account-1")
            request.append([fact(2), twice], to: "account-2")
            try await store.requireRefusal(
                of: request, "A request with one identifier twice", with: .invalid(.repeatedEventID(twice.id)))
            request = .events(facts(1), to: "account-1")
            request.append(facts(1), to: "account-1")
            try await store.requireRefusal(
                of: request, "A request that writes a stream twice", with: .invalid(.repeatedStream("account-1")))
            request = .events(
                facts(1), to: "account-1", checks: [.init(stream: "account-1", expected: .noStream)])
            try await store.requireRefusal(
                of: request, "A request that writes and checks a stream", with: .invalid(.repeatedStream("account-1")))
            request = .events(facts(1), to: "account-1")
            request.append([], to: "account-2")
            try await store.requireRefusal(
                of: request, "A request with a write of no events", with: .invalid(.noEvents(stream: "account-2")))
            try await store.requireRefusal(of: AppendRequest(), "An empty request", with: .invalid(.empty))
            try requireEqual(try await store.wholeLog().count, 0, "The events of the log")
        },
        EventStoreLaw("A reader that looks while others append sees all of an append or none of it") { store in
            let ending = Ending()
            async let looked: Void = Self.requireWhole(store, until: ending)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for round in 0..<12 {
                            var request = AppendRequest()
                            let tag = Tag(unchecked: "append:\(writer)-\(round)")
                            for part in 0..<3 {
                                request.append(
                                    [fact(round, tags: [tag])], to: StreamName(unchecked: "part\(part)-\(writer)"))
                            }
                            try await store.append(request)
                        }
                    }
                }
                try await group.waitForAll()
            }
            ending.come()
            try await looked
            try requireEqual(try await store.wholeLog().count, 8 * 12 * 3, "The events of the log")
        },
    ]

    /// Reads the log again and again until the writers are done, and looks for appends that are partly there.
    private static func requireWhole(_ store: any EventStore, until writers: Ending) async throws {
        while true {
            try Task.checkCancellation()
            let areDone = writers.hasCome
            let page = try await store.readPage(
                from: .start, direction: .forward, filter: .all, limit: Limits.eventsPerPage)
            var parts: [Tag: Int] = [:]
            for event in page.events {
                for tag in event.tags { parts[tag, default: 0] += 1 }
            }
            if let torn = parts.first(where: { $0.value != 3 }) {
                throw LawViolation("A read saw \(torn.value) of the 3 events of '\(torn.key)'")
            }
            if areDone { return }
            await Task.yield()
        }
    }
}
