import DaybookCore

extension DurabilityLaw {
    static let durability: [DurabilityLaw] = [
        DurabilityLaw("Everything acknowledged is there after each opening, at its place") { reopen in
            var log: [RecordedEvent] = []
            for round in 0..<5 {
                let store = try await reopen()
                try requireSame(try await store.wholeLog(), log, "The log after opening \(round)")
                try requireEqual(
                    try await store.head(), log.last?.position ?? .start, "The head after opening \(round)")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for writer in 0..<8 {
                        group.addTask {
                            for number in 0..<10 {
                                try await store.append(
                                    facts(1 + number % 4, tags: ["writer:\(writer)".asTag]),
                                    to: "stream-\(writer)".asStream)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let grown = try await store.wholeLog()
                try requireSame(Array(grown.prefix(log.count)), log, "The beginning of the log after appends")
                log = grown
                try EventStoreLaw.requireOrder(log)
                for writer in 0..<8 {
                    try requireSame(
                        try await store.wholeStream("stream-\(writer)".asStream),
                        log.filter { $0.stream == "stream-\(writer)".asStream }, "Stream \(writer) in round \(round)")
                }
            }
            let store = try await reopen()
            for writer in 0..<8 {
                let tag = "writer:\(writer)".asTag
                var found: [RecordedEvent] = []
                for try await event in store.events(filter: EventFilter(tags: [tag])) { found.append(event) }
                try requireSame(
                    found, log.filter { $0.tags.contains(tag) }, "The events of '\(tag)' after the last opening")
            }
            try requireEqual(
                Set(try await store.streams(after: nil, limit: 100)), Set(log.map(\.stream)), "The streams listed")
        },
        DurabilityLaw("Expected versions, repeats and receipts hold after an opening") { reopen in
            var store = try await reopen()
            try await store.append(facts(2), to: "account-1")
            let repeated = AppendRequest.events(facts(3), to: "account-1", expecting: .version(1))
            let recent = AppendRequest.events(facts(2), to: "account-2")
            let command = AppendRequest.events(facts(2), to: "account-3", commandID: "deposit-1")
            let empty = AppendRequest(commandID: "nothing-to-do")
            var firsts: [(AppendRequest, AppendResult)] = []
            for request in [repeated, recent, command, empty] {
                firsts.append((request, try await store.requireAccepted(request, "A first append")))
            }
            // Left by the same events under a command's name, and pointing back at them.
            var named = recent
            named.commandID = "deposit-2"
            let back = try await store.append(named)
            try requireEqual(back.isRepeat, true, "Whether a command with recorded events is a repeat")
            try await store.append(facts(1), to: "account-2")
            firsts.removeAll { $0.0 == recent }
            var first = back
            first.isRepeat = false
            firsts.append((named, first))
            for round in 0..<3 {
                store = try await reopen()
                for (request, first) in firsts {
                    try await store.requireRepeat(of: request, "A retry after opening \(round)", answers: first)
                    if let id = request.commandID {
                        try requireEqual(try await store.receipt(for: id), first, "The receipt after opening \(round)")
                    }
                }
                try await store.requireRefusal(
                    of: .events(facts(1), to: "account-1", expecting: .version(3)), "A wrong version after opening",
                    with: .wrongExpectedVersion(stream: "account-1", expected: .version(3), actual: 4))
                try await store.requireRefusal(
                    of: .events(facts(1), to: "account-1", expecting: .noStream), "No stream after opening",
                    with: .wrongExpectedVersion(stream: "account-1", expected: .noStream, actual: 4))
                try await store.requireRefusal(
                    of: .events(facts(3), to: "account-3", commandID: "deposit-1"), "Another body after opening",
                    with: .commandReused(id: "deposit-1"))
                try await store.append(
                    facts(1), to: "account-4",
                    expecting: round == 0 ? .noStream : .version(StreamVersion(Int64(round - 1))))
            }
        },
        DurabilityLaw("Conditions see everything recorded before an opening") { reopen in
            var store = try await reopen()
            let first = try await store.append([fact(type: "seat.taken", tags: ["seat:4"])], to: "booking-1").position
            try await store.append(facts(20), to: "other-1")
            store = try await reopen()
            for query in [EventQuery(types: ["seat.taken"]), EventQuery(tags: ["seat:4"])] {
                try await store.requireRefusal(
                    of: .events(facts(1), to: "booking-2", condition: AppendCondition(failIfEventsMatch: query)),
                    "A condition after an opening", with: .conditionFailed(after: .start, conflict: first))
                try await store.requireAccepted(
                    .events(
                        facts(1), to: "booking-2", condition: AppendCondition(failIfEventsMatch: query, after: first)),
                    "A condition after the conflict")
            }
        },
        DurabilityLaw("Retention, deletions and tombstones hold after an opening") { reopen in
            var store = try await reopen()
            for number in 0..<5 { try await store.append(facts(5), to: "account-\(number)".asStream) }
            try await store.setRetention(
                Retention(maxAge: .seconds(3600), maxCount: 2, truncateBefore: 1), of: "account-0")
            try await store.delete("account-1")
            try await store.tombstone("account-2")
            try await store.delete("account-3")
            try await store.append(facts(1), to: "account-3", expecting: .noStream)
            try await store.setRetention(Retention(maxCount: 4), of: "settings-only")
            let names: [StreamName] = (0..<5).map { "account-\($0)".asStream } + ["settings-only"]
            var states: [StreamState] = []
            for name in names { states.append(try await store.state(of: name)) }
            for round in 0..<2 {
                store = try await reopen()
                for (name, state) in zip(names, states) {
                    try requireEqual(
                        try await store.state(of: name), state, "The state of '\(name)' after opening \(round)")
                }
                let shown: [[StreamVersion]] = [[3, 4], [], [], [5], [0, 1, 2, 3, 4], []]
                for (name, versions) in zip(names, shown) {
                    try requireEqual(
                        try await store.wholeStream(name).map(\.version), versions, "The versions of '\(name)' shown")
                }
                try await store.requireRefusal(
                    of: .events(facts(1), to: "account-2"), "An append to a tombstoned stream",
                    with: .streamTombstoned(stream: "account-2"))
            }
            let begun = try await store.append(facts(1), to: "account-1", expecting: .noStream)
            try requireEqual(begun.version, 5, "The version at which a deleted stream goes on")
        },
        DurabilityLaw("A subscription goes on from its checkpoint after an opening") { reopen in
            var store = try await reopen()
            try await store.append(facts(30), to: "account-1")
            let checkpoint = Position(try await store.wholeLog()[11].position.rawValue)
            store = try await reopen()
            try await store.append(facts(5), to: "account-1")
            try await store.append(facts(1), to: "end-1")
            let items = try await store.items(of: store.subscribe(after: checkpoint, pageSize: 4), untilEnd: "end-1")
            try requireSame(
                items.events, try await store.wholeLog().filter { $0.position > checkpoint },
                "The events after \(checkpoint)")
        },
        DurabilityLaw("Recorded times never go back across an opening") { reopen in
            var last: RecordedEvent?
            for _ in 0..<4 {
                let result = try await reopen().append(facts(1), to: "account-1")
                if let last {
                    try require(
                        result.recordedAt >= last.recordedAt && result.position > last.position,
                        "After \(last.place) at \(last.recordedAt) came \(result.position) at \(result.recordedAt)")
                }
                last = try await reopen().wholeLog().last
                try requireEqual(last?.recordedAt, result.recordedAt, "The time of the last event after an opening")
            }
        },
        DurabilityLaw("Checkpoints, snapshots and read models hold after an opening, where the store keeps them") {
            reopen in
            guard let first = try await reopen() as? any DerivedStateLaw.Store else { return }
            let snapshot = Snapshot(key: "account-1", version: 3, position: 9, schema: "v1", data: [0, 255, 7])
            try await first.save(Checkpoint(after: 42), for: "mailer")
            try await first.save(snapshot)
            try await first.commit(
                DocumentBatch(model: "balances", changes: ["a": [1], "b": [2]], previous: .start, checkpoint: 5))
            try await first.commit(DocumentBatch(model: "balances", changes: ["b": nil], previous: 5, checkpoint: 6))
            for round in 0..<2 {
                guard let store = try await reopen() as? any DerivedStateLaw.Store else {
                    throw LawViolation("The store keeps derived state no more after opening \(round)")
                }
                try requireEqual(try await store.checkpoint(for: "mailer")?.position, 42, "The checkpoint")
                try requireEqual(try await store.snapshot(for: "account-1"), snapshot, "The snapshot")
                try requireEqual(try await store.checkpoint(of: "balances"), 6, "The checkpoint of the read model")
                try requireEqual(try await store.document("a", of: "balances"), [1], "A document")
                try requireEqual(try await store.document("b", of: "balances"), nil, "A deleted document")
            }
        },
    ]
}

extension String {
    fileprivate var asTag: Tag { Tag(unchecked: self) }
}
