import DaybookCore

extension EventStoreLaw {
    static let subscriptions: [EventStoreLaw] = [
        EventStoreLaw("Subscriptions give the whole log under concurrent appends: nothing skipped, nothing twice") {
            store in
            try await store.append(facts(50), to: "old-1")
            let writers = 8
            let followed = try await withThrowingTaskGroup(of: [SubscriptionItem].self) { group in
                for pageSize in [1, 7, 500, 500] {
                    group.addTask {
                        try await store.items(
                            of: store.subscribe(filter: .everything, pageSize: pageSize), untilEnd: "end-1")
                    }
                }
                try await withThrowingTaskGroup(of: Void.self) { writing in
                    for writer in 0..<writers {
                        writing.addTask {
                            for round in 0..<40 {
                                try await store.append(facts(1 + round % 3), to: "stream-\(writer)".asStream)
                            }
                        }
                    }
                    try await writing.waitForAll()
                }
                try await store.append(facts(1), to: "end-1")
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let log = try await store.wholeLog()
            for items in followed {
                try requireSame(items.events, log, "What a subscription gave, compared with the log")
                try requireMarks(items, filtered: [], "A subscription to everything")
            }
        },
        EventStoreLaw("Subscriptions with a filter give what a filtered read gives, and tell how far they looked") {
            store in
            let filter = EventFilter(types: ["rare"])
            try await store.append(facts(40), to: "common-1")
            let items = try await withThrowingTaskGroup(of: [SubscriptionItem].self) { group in
                for pageSize in [1, 3, 100] {
                    group.addTask {
                        try await store.items(
                            of: store.subscribe(filter: filter, pageSize: pageSize), untilEnd: "end-1")
                    }
                }
                for round in 0..<40 {
                    try await store.append(facts(2), to: "common-1")
                    if round % 5 == 0 { try await store.append([fact(round, type: "rare")], to: "rare-1") }
                }
                try await store.append([fact(type: "rare")], to: "end-1")
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let log = try await store.wholeLog()
            for some in items {
                try requireSame(some.events, log.filter { $0.type == "rare" }, "What a filtered subscription gave")
                try requireMarks(some, filtered: log.filter { $0.type == "rare" }, "A filtered subscription")
            }
        },
        EventStoreLaw("A subscription goes on exactly behind its position") { store in
            try await store.append(facts(10), to: "account-1")
            try await store.append(facts(1), to: "end-1")
            let log = try await store.wholeLog()
            for after in log.dropLast().map(\.position) + [.start, Position(-1), Position(.min + 1)] {
                let items = try await store.items(of: store.subscribe(after: after), untilEnd: "end-1")
                try requireSame(items.events, log.filter { $0.position > after }, "A subscription after \(after)")
            }
        },
        EventStoreLaw("A subscription to an empty log is caught up at once, and then gives what comes") { store in
            var iterator = store.subscribe().makeAsyncIterator()
            try requireEqual(try await iterator.next(), .caughtUp(.start), "The first item")
            for number in 0..<20 {
                let result = try await store.append([fact(number)], to: "account-1")
                guard case .event(let event) = try await iterator.next() else {
                    throw LawViolation("A live subscription gave no event after an append at \(result.position)")
                }
                try requireEqual(event.position, result.position, "The position of the event given")
            }
        },
        EventStoreLaw("A subscription that is caught up tells of events that do not fit by checkpoints alone") {
            store in
            var iterator = store.subscribe(filter: EventFilter(tags: ["owner:1"])).makeAsyncIterator()
            try requireEqual(try await iterator.next(), .caughtUp(.start), "The first item")
            let other = try await store.append(facts(3), to: "account-1")
            try requireEqual(
                try await iterator.next(), .checkpoint(other.position), "The item after events that do not fit")
            let fitting = try await store.append([fact(tags: ["owner:1"])], to: "account-1")
            guard case .event(let event) = try await iterator.next() else {
                throw LawViolation("A live subscription did not give the event at \(fitting.position) that fits")
            }
            try requireEqual(event.position, fitting.position, "The position of the event that fits")
        },
        EventStoreLaw("A reader that goes on from any item of a subscription misses nothing") { store in
            let filter = EventFilter(tags: ["owner:1"])
            for number in 0..<30 {
                try await store.append([fact(number, tags: number % 4 == 0 ? ["owner:1"] : [])], to: "account-1")
            }
            try await store.append(facts(1, tags: ["owner:1"]), to: "end-1")
            let all = try await store.items(of: store.subscribe(filter: filter, pageSize: 2), untilEnd: "end-1")
            let last = all.events.last?.position
            for (index, item) in all.enumerated() where item.position < last ?? .start {
                let rest = try await store.items(
                    of: store.subscribe(after: item.position, filter: filter), untilEnd: "end-1")
                try requireSame(
                    rest.events, Array(all[(index + 1)...]).events,
                    "A subscription that goes on behind \(item.position)")
            }
        },
    ]

    /// The marks of a subscription: positions never go back, caught up comes once, a checkpoint passes over no event.
    private static func requireMarks(
        _ items: [SubscriptionItem], filtered: [RecordedEvent], _ what: String
    ) throws(LawViolation) {
        let caughtUp = items.count { if case .caughtUp = $0 { true } else { false } }
        try require(caughtUp <= 1, "\(what) said \(caughtUp) times that it had caught up")
        var last = Position.start
        for item in items {
            switch item {
            case .event(let event):
                try require(event.position > last, "\(what) gave \(event.place) after position \(last)")
            case .checkpoint(let position):
                try require(position > last, "\(what) gave the checkpoint \(position) after position \(last)")
                try require(
                    !filtered.contains { $0.position > last && $0.position <= position },
                    "\(what) passed over an event between \(last) and its checkpoint \(position)")
            case .caughtUp(let position):
                try require(position >= last, "\(what) was caught up at \(position), after position \(last)")
            }
            last = item.position
        }
    }
}

extension SubscriptionItem {
    var position: Position {
        switch self {
        case .event(let event): event.position
        case .checkpoint(let position), .caughtUp(let position): position
        }
    }
}

extension [SubscriptionItem] {
    var events: [RecordedEvent] { compactMap { if case .event(let event) = $0 { event } else { nil } } }
}

extension EventStore {
    /// What a subscription gives up to the first event of a stream that ends it, or up to a position behind that.
    func items(of subscription: Subscription, untilEnd stream: StreamName) async throws -> [SubscriptionItem] {
        var items: [SubscriptionItem] = []
        for try await item in subscription {
            items.append(item)
            if case .event(let event) = item, event.stream == stream { break }
            // A store that loses the last event is to fail, not to wait for ever.
            if case .checkpoint(let position) = item,
                let end = try await readPage(of: stream, from: .start, direction: .forward, limit: 1).events.first,
                position >= end.position
            {
                break
            }
        }
        return items
    }
}
