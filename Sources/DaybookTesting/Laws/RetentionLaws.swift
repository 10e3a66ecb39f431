import DaybookCore

extension EventStoreLaw {
    static let retention: [EventStoreLaw] = [
        EventStoreLaw("A retention hides the right events from readers of the stream, and none from the log") { store in
            let rows: [(Retention, Range<Int64>)] = [
                (Retention(maxCount: 3), 5..<8), (Retention(maxCount: 1), 7..<8), (Retention(maxCount: 8), 0..<8),
                (Retention(maxCount: 9), 0..<8), (Retention(maxCount: .max), 0..<8),
                (Retention(truncateBefore: 0), 0..<8), (Retention(truncateBefore: 5), 5..<8),
                (Retention(truncateBefore: 7), 7..<8), (Retention(truncateBefore: 8), 8..<8),
                (Retention(truncateBefore: StreamVersion(.max)), 8..<8),
                (Retention(maxCount: 3, truncateBefore: 2), 5..<8), (Retention(maxCount: 6, truncateBefore: 4), 4..<8),
                (Retention(maxAge: .seconds(3600)), 0..<8), (Retention(maxAge: .seconds(9_000_000_000_000)), 0..<8),
                (Retention(maxAge: .seconds(Int64.max)), 0..<8),
                (Retention(maxAge: .seconds(3600), maxCount: 2, truncateBefore: 1), 6..<8), (.unlimited, 0..<8),
            ]
            for (number, (retention, shown)) in rows.enumerated() {
                let stream = "account-\(number)".asStream
                let events = facts(8)
                try await store.append(events, to: stream)
                try await store.setRetention(retention, of: stream)
                let what = "A stream of 8 events with \(retention)"
                try requireRecorded(
                    try await store.wholeStream(stream), Array(events[Int(shown.lowerBound)...]), in: stream,
                    from: StreamVersion(shown.lowerBound), what)
                var state = try await store.state(of: stream)
                state.retention = state.retention.inMicroseconds
                try requireEqual(
                    state, StreamState(status: .live, lastVersion: 7, retention: retention.inMicroseconds),
                    "\(what): the state")
                try requireEqual(
                    try await store.wholeLog().count { $0.stream == stream }, 8, "\(what): its events in the log")
            }
        },
        EventStoreLaw("A greatest age hides what is older, a moment later or an hour later") { store in
            try await store.append(facts(3), to: "account-1")
            try await store.setRetention(Retention(maxAge: .microseconds(1)), of: "account-1")
            var page = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: 10)
            var reads = 1
            while !page.events.isEmpty {  // The clock may stand still for a moment.
                try require(reads < 1_000_000, "Events of a greatest age of 1 µs are still there after \(reads) reads")
                page = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: 10)
                reads += 1
            }
            try requireEqual(page.state.status, .live, "The state of a stream whose events are all too old")
            try requireEqual(page.state.lastVersion, 2, "Its last version")
            try await store.setRetention(Retention(maxAge: .seconds(3600)), of: "account-1")
            try requireEqual(try await store.wholeStream("account-1").count, 3, "The events younger than an hour")
        },
        EventStoreLaw("A retention is replaced as a whole, and shows again what it hid") { store in
            try await store.append(facts(5), to: "account-1")
            try await store.setRetention(Retention(maxCount: 2, truncateBefore: 4), of: "account-1")
            try requireEqual(try await store.wholeStream("account-1").map(\.version), [4], "The versions shown first")
            try await store.setRetention(Retention(maxCount: 2), of: "account-1")
            try requireEqual(
                try await store.wholeStream("account-1").map(\.version), [3, 4], "The versions shown next")
            try await store.setRetention(.unlimited, of: "account-1")
            try requireEqual(
                try await store.wholeStream("account-1").map(\.version), [0, 1, 2, 3, 4], "The versions shown at last")
        },
        EventStoreLaw("A retention set before the first event holds from it on, and moves with new events") { store in
            try await store.setRetention(Retention(maxCount: 2), of: "account-1")
            try requireEqual(
                try await store.state(of: "account-1").status, .missing, "The state before the first event")
            var expected: [StreamVersion] = []
            for number in 0..<5 {
                let version = StreamVersion(Int64(number))
                let result = try await store.append([fact(number)], to: "account-1")
                try requireEqual(result.version, version, "The version of event \(number)")
                expected = Array((expected + [version]).suffix(2))
                try requireEqual(
                    try await store.wholeStream("account-1").map(\.version), expected, "The versions shown")
            }
        },
        EventStoreLaw("A retention below its least value is refused") { store in
            let rows = [
                Retention(maxAge: .zero), Retention(maxAge: .seconds(-1)), Retention(maxAge: .nanoseconds(999)),
                Retention(maxCount: 0), Retention(maxCount: .min), Retention(truncateBefore: -1),
            ]
            try await store.append(facts(2), to: "account-1")
            for retention in rows {
                try await store.requireRefusal(
                    of: AppendRequest(writes: [.init(stream: "account-1", action: .setRetention(retention))]),
                    "The retention \(retention)", with: .invalid(.retention(retention)))
            }
            try requireEqual(try await store.state(of: "account-1").retention, .unlimited, "The retention after them")
        },
        EventStoreLaw("A deleted stream is empty, keeps its versions, and is begun anew by an append") { store in
            try await store.append(facts(3), to: "account-1")
            try await store.delete("account-1")
            let deleted = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: 10)
            try requireEqual(deleted.events.count, 0, "The events of a deleted stream")
            try requireEqual(deleted.state.status, .deleted, "Its state")
            try requireEqual(deleted.state.lastVersion, 2, "Its last version")
            try requireEqual(deleted.state.expectedVersion, .noStream, "What to expect of it")
            try await store.append(facts(2), to: "account-1", expecting: deleted.state.expectedVersion)
            try requireEqual(
                try await store.wholeStream("account-1").map(\.version), [3, 4], "The versions of the stream begun anew"
            )
            try requireEqual(try await store.state(of: "account-1").status, .live, "Its state")
            try requireEqual(
                try await store.state(of: "account-1").expectedVersion, .version(4), "What to expect of it then")
            try requireEqual(try await store.wholeLog().count { $0.stream == "account-1" }, 5, "Its events in the log")
        },
        EventStoreLaw("A check of a control stream tells whether its stream was deleted since") { store in
            let control = "account-1".asStream.control
            func request(_ expected: ExpectedVersion, at version: Int64) -> AppendRequest {
                .events(
                    facts(1), to: "account-1", expecting: .version(StreamVersion(version)),
                    checks: [.init(stream: control, expected: expected)])
            }
            try await store.append(facts(1), to: "account-1")
            for version in 0..<Int64(2) {
                try await store.requireAccepted(request(.noStream, at: version), "An append before a deletion")
            }
            try await store.delete("account-1")
            try await store.requireRefusal(
                of: request(.noStream, at: 2), "An append after a deletion",
                with: .wrongExpectedVersion(stream: control, expected: .noStream, actual: 0))
            try await store.requireAccepted(request(.version(0), at: 2), "One that knows of it")
            try await store.setRetention(Retention(maxCount: 9), of: "account-1")
            try await store.requireRefusal(
                of: request(.version(0), at: 3), "An append after a retention was set",
                with: .wrongExpectedVersion(stream: control, expected: .version(0), actual: 1))
        },
        EventStoreLaw("No retention brings back what was deleted") { store in
            try await store.append(facts(3), to: "account-1")
            try await store.delete("account-1")
            try await store.setRetention(.unlimited, of: "account-1")
            try requireEqual(try await store.state(of: "account-1").status, .deleted, "The state after a retention")
            try await store.append(facts(1), to: "account-1")
            for retention in [Retention.unlimited, Retention(truncateBefore: 1), Retention(maxCount: 10)] {
                try await store.setRetention(retention, of: "account-1")
                try requireEqual(
                    try await store.wholeStream("account-1").map(\.version), [3], "The versions shown with \(retention)"
                )
            }
        },
        EventStoreLaw("A deletion takes the place of a truncation above it, and a truncation after it is replaced") {
            store in
            try await store.append(facts(3), to: "account-1")
            try await store.setRetention(Retention(truncateBefore: 99), of: "account-1")
            try await store.delete("account-1")
            try await store.append(facts(2), to: "account-1")
            try requireEqual(
                try await store.wholeStream("account-1").map(\.version), [3, 4], "The versions shown after the deletion"
            )
            try await store.setRetention(Retention(truncateBefore: 5), of: "account-1")
            try requireEqual(try await store.state(of: "account-1").status, .live, "The state of the truncated stream")
            try requireEqual(try await store.wholeStream("account-1").count, 0, "The events of the truncated stream")
            try await store.setRetention(.unlimited, of: "account-1")
            try requireEqual(
                try await store.wholeStream("account-1").map(\.version), [3, 4], "The versions shown without retention")
        },
        EventStoreLaw("A tombstoned stream is empty and takes nothing ever again") { store in
            try await store.append(facts(3), to: "account-1")
            try await store.tombstone("account-1")
            let page = try await store.readPage(of: "account-1", from: .end, direction: .backward, limit: 10)
            try requireEqual(page.events.count, 0, "The events of a tombstoned stream")
            try requireEqual(page.state.status, .tombstoned, "Its state")
            for action in [
                StreamWrite.Action.append(facts(1)), .setRetention(.unlimited), .delete, .tombstone,
            ] {
                try await store.requireRefusal(
                    of: AppendRequest(writes: [.init(stream: "account-1", action: action)]),
                    "\(action) of a tombstoned stream", with: .streamTombstoned(stream: "account-1"))
            }
            try requireEqual(try await store.wholeLog().count { $0.stream == "account-1" }, 3, "Its events in the log")
        },
        EventStoreLaw("Settings and deletions are recorded with who and why, and read only when asked for") { store in
            func metadata(_ reason: String) -> EventMetadata { EventMetadata(actor: "clerk-7", reason: reason) }
            try await store.append(facts(2), to: "account-1")
            let kept = try await store.setRetention(
                Retention(maxCount: 1), of: "account-1", metadata: metadata("keep the last"))
            try await store.delete("account-1", metadata: metadata("closed"))
            try await store.append(facts(1), to: "account-1")
            let ended = try await store.tombstone("account-1", metadata: metadata("asked to be forgotten"))
            try requireEqual(kept.version, 1, "The version of the result, the stream's own")
            var visible: [RecordedEvent] = []
            for try await event in store.events() { visible.append(event) }
            try requireEqual(visible.count { $0.stream.isControl }, 0, "The control events that a plain read shows")
            let control = try await store.wholeLog().filter(\.stream.isControl)
            try requireEqual(control.map(\.stream), Array(repeating: "$$account-1", count: 3), "The control streams")
            try requireEqual(
                control.map(\.type), ["$retention-set", "$stream-deleted", "$stream-tombstoned"], "The control events")
            try requireEqual(control.map(\.version), [0, 1, 2], "Their versions")
            try requireEqual(control.first?.position, kept.position, "The position of the first")
            try requireEqual(control.last?.position, ended.position, "The position of the last")
            for (event, reason) in zip(control, ["keep the last", "closed", "asked to be forgotten"]) {
                try requireEqual(
                    try EventMetadata(decoding: event.metadata), metadata(reason), "The metadata of \(event.type)")
            }
            try requireSame(
                try await store.wholeStream(StreamName("account-1").control), control,
                "The control stream, read as a stream")
            try await store.requireRefusal(of: .events(facts(1), to: "$$account-2"), "An append to a control stream") {
                if case .invalid(.name(let name)) = $0 { name.reason == .reserved(prefix: "$$") } else { false }
            }
        },
        EventStoreLaw("Events and settings of one request come to be together") { store in
            try await store.append(facts(4), to: "account-1")
            var request = AppendRequest(commandID: "close-book")
            request.writes.append(
                .init(stream: "account-1", expected: .version(3), action: .setRetention(Retention(truncateBefore: 4))))
            request.append(facts(2), to: "account-2", expecting: .noStream)
            request.writes.append(
                .init(stream: "account-3", expected: .noStream, action: .setRetention(Retention(maxCount: 9))))
            let result = try await store.requireAccepted(request, "A request of events and settings")
            try requireEqual(
                result.streams.map(\.version), [3, 1, nil],
                "The versions of the result, none for a stream without events")
            try requireEqual(result.eventCount, 4, "The number of its events")
            try requireEqual(try await store.wholeStream("account-1").count, 0, "The events of the truncated stream")
            try requireEqual(try await store.wholeStream("account-2").count, 2, "The events of the new stream")
            try requireEqual(try await store.state(of: "account-3").retention.maxCount, 9, "The retention of the third")
            try await store.requireRepeat(of: request, "The request again", answers: result)
        },
    ]
}

extension Retention {
    /// As stores keep it: an age beyond what a timestamp can hold is the longest that it can.
    fileprivate var inMicroseconds: Retention {
        var stored = self
        stored.maxAge = maxAge.map { .microseconds(Timestamp(microseconds: 0).advanced(by: $0).microseconds) }
        return stored
    }
}
