import DaybookCore

extension EventStoreLaw {
    static let conditions: [EventStoreLaw] = [
        EventStoreLaw("Of writers that race on one condition, exactly one wins") { store in
            let queries: [(String, EventQuery)] = [
                ("a type", EventQuery(types: ["seat.taken"])),
                ("a tag", EventQuery(tags: ["seat:4"])),
                ("a type and a tag", EventQuery(types: ["seat.taken"], tags: ["seat:4"])),
                ("an item with several tags", EventQuery(tags: ["seat:4", "show:9"])),
                (
                    "several items",
                    EventQuery(items: [.init(types: ["seat.lost"], tags: ["seat:4"]), .init(tags: ["show:9"])])
                ),
                ("any event", EventQuery(items: [.init()])),
            ]
            for (number, (name, query)) in queries.enumerated() {
                let head = try await store.head()
                let outcomes = try await withThrowingTaskGroup(of: Result<AppendResult, AppendError>.self) { group in
                    for writer in 0..<12 {
                        group.addTask {
                            do throws(AppendError) {
                                let result = try await store.append(
                                    [fact(writer, type: "seat.taken", tags: ["seat:4", "show:9"])],
                                    to: StreamName(unchecked: "booking\(number)-\(writer)"),
                                    condition: AppendCondition(failIfEventsMatch: query, after: head))
                                return .success(result)
                            } catch {
                                return .failure(error)
                            }
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                let winners = outcomes.compactMap { try? $0.get() }
                try requireEqual(winners.count, 1, "The number of winners of a race on \(name)")
                let log = try await store.wholeLog()
                try requireEqual(
                    log.count { $0.position > head }, 1, "The number of events that a race on \(name) recorded")
                for case .failure(let error) in outcomes {
                    try requireEqual(
                        error, .conditionFailed(after: head, conflict: winners[0].position),
                        "The error of a loser of a race on \(name)")
                }
            }
        },
        EventStoreLaw("A condition looks at type and tags of exactly the events after its position") { store in
            let old = try await store.append([fact(type: "held", tags: ["owner:1", "share:7"])], to: "account-1")
            let new = try await store.append(
                [
                    fact(type: "deposited", tags: ["owner:1"]), fact(type: "held", tags: ["owner:2", "share:7"]),
                    fact(type: "renamed"),
                ], to: "account-2")
            let start = Position.start
            let fits: [(EventQuery, Position, Bool)] = [
                (EventQuery(types: ["held"]), start, true), (EventQuery(types: ["held"]), old.position, true),
                (EventQuery(types: ["held"]), new.position, false),
                (EventQuery(types: ["held"], tags: ["owner:1"]), start, true),
                (EventQuery(types: ["held"], tags: ["owner:1"]), old.position, false),
                (EventQuery(types: ["hel"]), start, false), (EventQuery(types: ["Held"]), start, false),
                (EventQuery(tags: ["owner:1"]), old.position, true),
                (EventQuery(tags: ["owner:1", "share:7"]), start, true),
                (EventQuery(tags: ["owner:1", "share:7"]), old.position, false),
                (EventQuery(tags: ["owner:1", "owner:2"]), start, false),
                (EventQuery(tags: ["owner"]), start, false), (EventQuery(tags: ["owner:3"]), start, false),
                (EventQuery(types: ["held", "renamed"]), new.position.previous, true),
                (EventQuery(types: ["renamed"], tags: ["owner:1"]), start, false),
                (EventQuery(items: [.init(types: ["sold"]), .init(tags: ["owner:2"])]), old.position, true),
                (EventQuery(items: [.init(types: ["sold"]), .init(tags: ["owner:3"])]), start, false),
                (EventQuery(items: [.init()]), old.position, true), (EventQuery(items: [.init()]), new.position, false),
                (EventQuery(types: ["held"]), Position(-1), true), (EventQuery(types: ["sold"]), Position(.min), false),
            ]
            let log = try await store.wholeLog()
            for (number, (query, after, isConflict)) in fits.enumerated() {
                // Recorded far from what any of the queries looks for, except the one for whatever event.
                let request = AppendRequest.events(
                    [fact(type: "noted")], to: "ledger-\(number)".asStream,
                    condition: AppendCondition(failIfEventsMatch: query, after: after))
                let what = "An append on the condition \(query.items) after \(after)"
                if isConflict {
                    let places = log.filter { event in
                        event.position > after && query.items.contains { $0.plainlyFits(event) }
                    }.map(\.position)
                    try await store.requireRefusal(of: request, "\(what), which fits \(places),") { error in
                        guard case .conditionFailed(after, let conflict) = error else { return false }
                        return places.contains(conflict)
                    }
                } else if !query.items.contains(.init()) {
                    try await store.requireAccepted(request, what)
                } else {
                    var request = request
                    request.condition?.after = try await store.head()
                    try await store.requireAccepted(request, what)
                }
            }
        },
        EventStoreLaw("A condition sees events that are hidden, deleted or truncated, and not those of its own append")
        { store in
            try await store.append([fact(tags: ["owner:1"])], to: "account-1")
            try await store.append([fact(tags: ["owner:2"])], to: "account-2")
            try await store.append([fact(tags: ["owner:3"])], to: "account-3")
            try await store.setRetention(Retention(truncateBefore: 1), of: "account-1")
            try await store.delete("account-2")
            try await store.tombstone("account-3")
            for (position, tag) in [(1, "owner:1"), (2, "owner:2"), (3, "owner:3")] as [(Int, Tag)] {
                try await store.requireRefusal(
                    of: .events(
                        facts(1), to: "account-4",
                        condition: AppendCondition(failIfEventsMatch: EventQuery(tags: [tag]))
                    ), "An append on the condition of '\(tag)', recorded as event \(position)"
                ) { if case .conditionFailed = $0 { true } else { false } }
            }
            try await store.requireAccepted(
                .events(
                    facts(3, tags: ["owner:4"]), to: "account-4",
                    condition: AppendCondition(failIfEventsMatch: EventQuery(tags: ["owner:4"]))),
                "An append whose own events fit its condition")
        },
        EventStoreLaw("A condition after a position that the log has not reached is refused") { store in
            let head = try await store.append(facts(2), to: "account-1").position
            for after in [head.next, Position(1_000_000), Position(.max)] {
                try await store.requireRefusal(
                    of: .events(
                        facts(1), to: "account-1",
                        condition: AppendCondition(failIfEventsMatch: EventQuery(types: ["sold"]), after: after)),
                    "A condition after \(after)", with: .invalid(.conditionBeyondHead(after: after, head: head)))
            }
            try await store.requireRefusal(
                of: .events(
                    facts(1), to: "account-1", condition: AppendCondition(failIfEventsMatch: EventQuery(items: []))),
                "A condition without items", with: .invalid(.emptyCondition))
        },
        EventStoreLaw("A counter kept by conditions alone loses no step under concurrent writers") { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<6 {
                    group.addTask {
                        var done = 0
                        var attempts = 0
                        while done < 8 {
                            attempts += 1
                            try require(attempts < 10_000, "A writer took \(attempts) attempts for \(done) steps")
                            var count = 0
                            var last = Position.start
                            for try await event in store.events(filter: EventFilter(tags: ["counter:1"])) {
                                count += 1
                                last = event.position
                            }
                            do {
                                try await store.append(
                                    [fact(count, tags: ["counter:1"])], to: "steps-\(writer)".asStream,
                                    condition: AppendCondition(
                                        failIfEventsMatch: EventQuery(tags: ["counter:1"]), after: last))
                                done += 1
                            } catch AppendError.conditionFailed {
                                continue
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            for (number, event) in try await store.wholeLog().enumerated() {
                try require(
                    event.data.elementsEqual(fact(number).data),
                    "Step \(number) says \(String(decoding: event.data, as: UTF8.self))")
            }
        },
    ]
}

extension String {
    /// A stream name made of numbers and letters.
    var asStream: StreamName { StreamName(unchecked: self) }
}

extension EventQuery.Item {
    /// Whether an event fits, told without the code of the query.
    func plainlyFits(_ event: RecordedEvent) -> Bool {
        if !types.isEmpty, !types.map(\.rawValue).contains(event.type.rawValue) { return false }
        for tag in tags where !event.tags.map(\.rawValue).contains(tag.rawValue) { return false }
        return true
    }
}
