import DaybookCore

extension EventStoreLaw {
    static let limits: [EventStoreLaw] = [
        EventStoreLaw("An event of the greatest size is recorded, and one byte more refused") { store in
            let sizes = [(Limits.eventBytes, 0), (0, Limits.eventBytes), (Limits.eventBytes - 100, 100)]
            for (data, metadata) in sizes {
                let event = NewEvent(type: "filled", data: bytes(data), metadata: bytes(metadata))
                try await store.requireAccepted(
                    .events([event], to: "account-1"), "An event of \(data) and \(metadata) bytes")
                let page = try await store.readPage(of: "account-1", from: .end, direction: .forward, limit: 1)
                try require(
                    page.events.first.map {
                        $0.data.elementsEqual(event.data) && $0.metadata.elementsEqual(event.metadata)
                    }
                        ?? false, "An event of \(data) and \(metadata) bytes came back with other bytes")
                let larger = NewEvent(type: "filled", data: bytes(data + 1), metadata: bytes(metadata))
                try await store.requireRefusal(
                    of: .events([fact(), larger], to: "account-1"), "An event of one byte more",
                    with: .invalid(.eventTooLarge(id: larger.id, bytes: Limits.eventBytes + 1)))
            }
            let who = bytes(Limits.eventBytes + 1)
            try await store.requireRefusal(
                of: AppendRequest(writes: [.init(stream: "account-1", action: .delete, metadata: who)]),
                "A deletion with metadata of one byte more",
                with: .invalid(.metadataTooLarge(stream: "account-1", bytes: who.count)))
        },
        EventStoreLaw("A request of the greatest size is recorded, and one byte more refused") { store in
            let count = Limits.appendBytes / Limits.eventBytes
            let events = (0..<count).map { _ in NewEvent(type: "filled", data: bytes(Limits.eventBytes)) }
            try await store.requireRefusal(
                of: .events(events + [NewEvent(type: "filled", data: [1])], to: "account-1"),
                "A request of one byte more",
                with: .invalid(.requestTooLarge(bytes: Limits.appendBytes + 1)))
            try await store.requireAccepted(
                .events(events, to: "account-1"), "A request of \(Limits.appendBytes) bytes")
            var pages = 0
            var versions: [StreamVersion] = []
            while versions.count < count {
                let page = try await store.readPage(
                    of: "account-1", from: .version(versions.last?.next ?? .first), direction: .forward, limit: 100)
                let size = page.events.reduce(0) { $0 + $1.data.count + $1.metadata.count }
                try require(
                    size <= Limits.pageBytes + Limits.eventBytes && !page.events.isEmpty,
                    "A page has \(page.events.count) events of \(size) bytes; it ends at \(Limits.pageBytes)")
                versions += page.events.map(\.version)
                pages += 1
                try requireEqual(page.isAtEnd, versions.count == count, "Whether page \(pages) is at the end")
            }
            var position = Position.start
            var found = 0
            while found < count {
                let page = try await store.readPage(
                    from: .after(position), direction: .forward, filter: .all, limit: 100)
                let size = page.events.reduce(0) { $0 + $1.data.count + $1.metadata.count }
                try require(
                    size <= Limits.pageBytes + Limits.eventBytes && page.scannedThrough > position,
                    "A page of the log has \(page.events.count) events of \(size) bytes")
                found += page.events.count
                position = page.scannedThrough
            }
            try requireEqual(found, count, "The events of the log, page by page")
        },
        EventStoreLaw("A request of the greatest number of events is recorded, and one more refused") { store in
            let events = facts(Limits.eventsPerAppend)
            try await store.requireRefusal(
                of: .events(events + [fact()], to: "account-1"), "A request of one event more",
                with: .invalid(.tooManyEvents(Limits.eventsPerAppend + 1)))
            var request = AppendRequest.events(events, to: "account-1")
            request.append([fact()], to: "account-2")
            try await store.requireRefusal(
                of: request, "A request of one event more, in another stream",
                with: .invalid(.tooManyEvents(Limits.eventsPerAppend + 1)))
            let result = try await store.requireAccepted(
                .events(events, to: "account-1"), "A request of \(events.count)")
            try requireEqual(result.eventCount, events.count, "The number of its events")
            let page = try await store.readPage(
                of: "account-1", from: .start, direction: .forward, limit: Limits.eventsPerPage)
            try requireEqual(page.events.map(\.id), events.map(\.id), "The identifiers recorded")
        },
        EventStoreLaw("A request of the greatest number of streams is recorded, and one more refused") { store in
            var request = AppendRequest()
            for number in 0..<Limits.streamsPerAppend - 1 { request.append([fact()], to: "account-\(number)".asStream) }
            request.check("limits-1", at: .noStream)
            var larger = request
            larger.check("limits-2", at: .noStream)
            try await store.requireRefusal(
                of: larger, "A request of one stream more",
                with: .invalid(.tooManyStreams(Limits.streamsPerAppend + 1)))
            let result = try await store.requireAccepted(request, "A request of \(Limits.streamsPerAppend) streams")
            try requireEqual(result.streams.count, Limits.streamsPerAppend - 1, "The streams of the result")
            try requireEqual(
                try await store.streams(after: nil, limit: Limits.eventsPerPage), request.writes.map(\.stream),
                "The streams listed")
        },
        EventStoreLaw("An event of the greatest number of tags is recorded, and one more refused") { store in
            let tags = (0...Limits.tagsPerEvent).map { Tag(unchecked: "tag:\($0)") }
            let event = fact(tags: Array(tags.dropLast()))
            try await store.requireAccepted(
                .events([event], to: "account-1"), "An event of \(Limits.tagsPerEvent) tags")
            try requireEqual(try await store.wholeLog().first?.tags, event.tags, "Its tags")
            let larger = fact(tags: tags)
            try await store.requireRefusal(
                of: .events([larger], to: "account-1"), "An event of one tag more",
                with: .invalid(.tooManyTags(id: larger.id, count: tags.count)))
        },
        EventStoreLaw("A query of the greatest size is answered, and a larger one refused") { store in
            try await store.append([fact(tags: ["tag:1"])], to: "account-1")
            func terms(_ count: Int) -> Set<Tag> { Set((1...count).map { Tag(unchecked: "tag:\($0)") }) }
            let items = Array(repeating: EventQuery.Item(tags: ["none"]), count: Limits.itemsPerQuery)
            let rows: [(EventQuery, Int, Int, Bool)] = [
                (EventQuery(items: items), items.count, items.count, true),
                (EventQuery(items: items + [items[0]]), items.count + 1, items.count + 1, false),
                (EventQuery(tags: terms(Limits.termsPerQuery)), 1, Limits.termsPerQuery, true),
                (EventQuery(tags: terms(Limits.termsPerQuery + 1)), 1, Limits.termsPerQuery + 1, false),
            ]
            for (query, items, terms, isAccepted) in rows {
                let what = "A query of \(items) items and \(terms) terms"
                let request = AppendRequest.events(
                    [fact(type: "noted")], to: "account-2", condition: AppendCondition(failIfEventsMatch: query))
                let read: () async throws -> Void = {
                    _ = try await store.readPage(
                        from: .start, direction: .forward, filter: EventFilter(query: query), limit: 10)
                }
                if isAccepted {
                    try await store.requireAccepted(request, what)
                    try await read()
                } else {
                    try await store.requireRefusal(
                        of: request, what, with: .invalid(.queryTooLarge(items: items, terms: terms)))
                    try await requireReadError(.queryTooLarge(items: items, terms: terms), what, of: read)
                }
            }
        },
    ]

    /// Bytes of every value.
    private static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 8) }
            initialized = count
        }
    }
}
