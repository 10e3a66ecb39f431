import DaybookCore

extension EventStoreLaw {
    static let idempotency: [EventStoreLaw] = [
        EventStoreLaw("A retry at noStream or a version is answered by the first result, whatever came after") {
            store in
            for (name, expected) in [("begun", ExpectedVersion.noStream), ("continued", .version(1))] {
                let stream = StreamName(unchecked: "account-\(name)")
                if expected != .noStream { try await store.append(facts(2), to: stream) }
                let request = AppendRequest.events(facts(3), to: stream, expecting: expected)
                let first = try await store.requireAccepted(request, "The first append expecting \(expected)")
                let what = "A retry expecting \(expected)"
                try await store.requireRepeat(of: request, "\(what), at once", answers: first)
                try await store.append(facts(2), to: stream)
                try await store.requireRepeat(of: request, "\(what), after other events", answers: first)
                try await store.setRetention(Retention(truncateBefore: 5), of: stream)
                try await store.requireRepeat(of: request, "\(what), after truncation", answers: first)
                try await store.delete(stream)
                try await store.requireRepeat(of: request, "\(what), after deletion", answers: first)
                try await store.append(facts(1), to: stream, expecting: .noStream)
                try await store.requireRepeat(of: request, "\(what), after the stream was begun anew", answers: first)
                try await store.tombstone(stream)
                try await store.requireRepeat(of: request, "\(what), after the tombstone", answers: first)
            }
        },
        EventStoreLaw("A retry at any or streamExists is answered by the first result until others append") { store in
            for expected in [ExpectedVersion.any, .streamExists] {
                let stream = StreamName(unchecked: "account-\(expected)")
                try await store.append(facts(1), to: stream)
                let request = AppendRequest.events(facts(3), to: stream, expecting: expected)
                let first = try await store.requireAccepted(request, "The first append expecting \(expected)")
                try await store.requireRepeat(of: request, "A retry expecting \(expected)", answers: first)
                try await store.append(facts(1), to: "account-other")
                try await store.requireRepeat(
                    of: request, "A retry expecting \(expected), after another stream moved", answers: first)
                try await store.append(facts(1), to: stream)
                let second = try await store.requireAccepted(
                    request, "A retry expecting \(expected) after other events")
                try requireEqual(second.version, 7, "The version of a retry that comes too late to be known")
            }
        },
        EventStoreLaw("Other events at the expected version of events recorded before are refused") { store in
            let recorded = facts(3)
            try await store.append(recorded, to: "account-1", expecting: .noStream)
            let rows: [(String, [NewEvent])] = [
                ("other events", facts(3)),
                ("events that begin alike and end otherwise", recorded.prefix(2) + facts(1)),
                ("events that begin otherwise and end alike", facts(1) + recorded.suffix(2)),
                ("the recorded events in another order", recorded.reversed()),
                ("the recorded events without the first", Array(recorded.dropFirst())),
                ("the recorded events and one more", recorded + facts(1)),
            ]
            for (name, events) in rows {
                try await store.requireRefusal(
                    of: .events(events, to: "account-1", expecting: .noStream), "An append of \(name) at noStream",
                    with: .wrongExpectedVersion(stream: "account-1", expected: .noStream, actual: 2))
            }
            try await store.append(facts(2), to: "account-1", expecting: .version(2))
            for (name, events) in rows {
                try await store.requireRefusal(
                    of: .events(events, to: "account-1", expecting: .version(2)), "An append of \(name) at version 2",
                    with: .wrongExpectedVersion(stream: "account-1", expected: .version(2), actual: 4))
            }
        },
        EventStoreLaw("Other events at any or streamExists are recorded, also when some identifiers are known") {
            store in
            for expected in [ExpectedVersion.any, .streamExists] {
                let stream = StreamName(unchecked: "account-\(expected)")
                let recorded = facts(3)
                try await store.append(recorded, to: stream)
                let rows = [
                    facts(2), recorded + facts(1), recorded.prefix(2) + facts(1), facts(1) + recorded.suffix(1),
                ]
                var version: StreamVersion = 2
                for events in rows {
                    let result = try await store.requireAccepted(
                        .events(events, to: stream, expecting: expected), "An append of other events at \(expected)")
                    version = version.advanced(by: events.count)
                    try requireEqual(result.version, version, "The version after other events at \(expected)")
                }
            }
        },
        EventStoreLaw("A part of what was recorded writes nothing anew at its own expected version") { store in
            let recorded = facts(4)
            try await store.append(recorded, to: "account-1", expecting: .noStream)
            let log = try await store.wholeLog()
            for (expected, part) in [
                (ExpectedVersion.noStream, Array(recorded.prefix(2))), (.version(0), Array(recorded[1..<3])),
                (.version(1), Array(recorded.suffix(2))), (.any, Array(recorded.suffix(2))),
            ] {
                let result = try await store.append(part, to: "account-1", expecting: expected)
                try require(
                    result.isRepeat, "A part of the recorded events at \(expected) was written again: \(result)")
                let last = log.first { $0.id == part.last?.id }
                try requireEqual(result.position, last?.position ?? .start, "The position of a part at \(expected)")
                try requireEqual(result.version, last?.version, "The version of a part at \(expected)")
            }
            try requireSame(try await store.wholeLog(), log, "The log after repeats of parts")
        },
        EventStoreLaw("A retry of an append to several streams is answered by the first result") { store in
            try await store.append(facts(2), to: "account-2")
            var request = AppendRequest()
            request.append(facts(2), to: "account-1", expecting: .noStream)
            request.append(facts(3), to: "account-2", expecting: .version(1))
            let first = try await store.requireAccepted(request, "The first append to two streams")
            try await store.requireRepeat(of: request, "A retry of an append to two streams", answers: first)
            try await store.append(facts(1), to: "account-1")
            try await store.requireRepeat(of: request, "A retry after one of the streams moved on", answers: first)
            request.append(facts(1), to: "account-3", expecting: .noStream)
            try await store.requireRefusal(
                of: request, "A retry with one more stream",
                with: .wrongExpectedVersion(stream: "account-1", expected: .noStream, actual: 2))
            try requireEqual(try await store.wholeStream("account-3").count, 0, "The events of the stream added")
        },
        EventStoreLaw("A retry whose own events fit its condition or move its checks is a retry still") { store in
            let request = AppendRequest.events(
                facts(2, tags: ["seat:4"]), to: "booking-1", expecting: .noStream,
                checks: [.init(stream: "limits-1", expected: .noStream)],
                condition: AppendCondition(failIfEventsMatch: EventQuery(tags: ["seat:4"])))
            let first = try await store.requireAccepted(request, "The first append on a condition")
            try await store.append(facts(1), to: "limits-1")
            try await store.requireRepeat(of: request, "A retry of it", answers: first)
        },
        EventStoreLaw("A stream begun anew after a deletion knows its retries") { store in
            let old = facts(2)
            try await store.append(old, to: "account-1", expecting: .noStream)
            try await store.delete("account-1")
            let request = AppendRequest.events(facts(3), to: "account-1", expecting: .noStream)
            let first = try await store.requireAccepted(request, "The append that begins the stream anew")
            try requireEqual(first.version, 4, "The version at which it goes on")
            try await store.requireRepeat(of: request, "A retry of it", answers: first)
        },
        EventStoreLaw("Retries at the same moment write once") { store in
            let request = AppendRequest.events(facts(3), to: "account-1", expecting: .noStream)
            let results = try await withThrowingTaskGroup(of: AppendResult.self) { group in
                for _ in 0..<16 { group.addTask { try await store.append(request) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try requireEqual(results.count { !$0.isRepeat }, 1, "The number of those retries that wrote")
            try requireEqual(Set(results.map(\.position)).count, 1, "The number of positions that they were told")
            try requireEqual(try await store.wholeLog().count, 3, "The number of events")
        },
    ]
}
