import DaybookCore

extension EventStoreLaw {
    static let content: [EventStoreLaw] = [
        EventStoreLaw("Every part of an event comes back as it was appended, by every read") { store in
            var random = SplitMix64(seed: 11)
            let everyByte = (0...255).map { UInt8($0) }
            var events = [
                NewEvent(id: EventID(high: 0, low: 0), type: "empty", data: []),
                NewEvent(
                    id: EventID(high: .max, low: .max), type: "bytes", schemaVersion: .max, contentType: .bytes,
                    data: everyByte, metadata: everyByte.reversed()),
                NewEvent(type: "zeroes", schemaVersion: 0, data: [0, 0, 0], metadata: [0]),
                NewEvent(type: "no utf-8", data: [0xFF, 0xC0, 0x80], metadata: [0xED, 0xA0, 0x80]),
                NewEvent(
                    type: "tagged", contentType: "text/plain; charset=utf-8", data: Array("ok".utf8),
                    tags: ["b", "a", "b", "c", "a"]),
                NewEvent(
                    type: "told", data: Array("{}".utf8),
                    metadata: EventMetadata(
                        correlationID: "c-1", causationID: "c-0", actor: "clerk \"7\"", reason: "line\nbreak",
                        occurredAt: Timestamp(microseconds: -1), additional: ["键": "值", "\u{0}": "\u{1F600}"])),
            ]
            for _ in 0..<60 {
                events.append(
                    NewEvent(
                        id: EventID(high: random.next(), low: random.next()), type: "random",
                        schemaVersion: UInt32.random(in: 0 ... .max, using: &random),
                        data: (0..<Int.random(in: 0...300, using: &random)).map { _ in
                            UInt8.random(in: 0...255, using: &random)
                        },
                        metadata: (0..<Int.random(in: 0...40, using: &random)).map { _ in
                            UInt8.random(in: 0...255, using: &random)
                        }))
            }
            try await store.append(events, to: "account-1")
            try requireRecorded(try await store.wholeStream("account-1"), events, in: "account-1", "Read as a stream")
            try requireRecorded(try await store.wholeLog(), events, in: "account-1", "Read as the log")
            let backward = try await store.readPage(of: "account-1", from: .end, direction: .backward, limit: 100)
            try requireRecorded(backward.events.reversed(), events, in: "account-1", "Read as a stream, backward")
            let log = try await store.readPage(from: .end, direction: .backward, filter: .everything, limit: 100)
            try requireRecorded(log.events.reversed(), events, in: "account-1", "Read as the log, backward")
        },
        EventStoreLaw("Every name within its bounds names what it named, byte by byte") { store in
            let names = [
                String(repeating: "x", count: Limits.nameBytes), String(repeating: "é", count: Limits.nameBytes / 2),
                String(repeating: "\u{1F600}", count: Limits.nameBytes / 4), " ", "-", "--", "%", "_", "'", "\"", "\\",
                "/",
                "a b", "a'b;--", "日本-一", "\u{e9}", "e\u{301}", "E\u{301}", "order-1", "Order-1", "order-1 ", "$order-1",
                "\u{FEFF}bom", "\u{202E}right to left", "null", "0", "\u{80}", "\u{10FFFF}",
            ]
            for (number, name) in names.enumerated() {
                let event = NewEvent(
                    type: EventType(unchecked: name), contentType: ContentType(unchecked: name), data: [UInt8(number)],
                    tags: [Tag(unchecked: name)])
                let what = "The name number \(number), '\(name.prefix(20))'"
                let result = try await store.requireAccepted(
                    .events([event], to: name.asStream, expecting: .noStream, commandID: CommandID(unchecked: name)),
                    what)
                try requireEqual(result.streams.first?.stream, name.asStream, "\(what): the stream of the result")
            }
            for (number, name) in names.enumerated() {
                let what = "The name number \(number), '\(name.prefix(20))'"
                let events = try await store.wholeStream(name.asStream)
                try requireEqual(events.map { Array($0.data) }, [[UInt8(number)]], "\(what): the data of its stream")
                let text = Array(name.utf8)
                guard let event = events.first else { continue }
                try require(Array(event.stream.rawValue.utf8) == text, "\(what): its stream has another name")
                try require(Array(event.type.rawValue.utf8) == text, "\(what): its type has another name")
                try require(
                    Array(event.contentType.rawValue.utf8) == text, "\(what): its content type has another name")
                try require(event.tags.map { Array($0.rawValue.utf8) } == [text], "\(what): its tag has another name")
                for filter in [
                    EventFilter(types: [event.type]), EventFilter(tags: Set(event.tags)),
                    EventFilter(query: EventQuery(types: [event.type], tags: Set(event.tags))),
                ] {
                    let page = try await store.readPage(from: .start, direction: .forward, filter: filter, limit: 10)
                    try requireSame(page.events, [event], "\(what): what the filter \(filter) finds")
                }
                try requireEqual(
                    try await store.receipt(for: CommandID(unchecked: name))?.position, event.position,
                    "\(what): the position of its receipt")
            }
            try requireEqual(
                try await store.streams(after: nil, limit: 100).map { Array($0.rawValue.utf8) },
                names.map { Array($0.utf8) }, "The streams listed")
            for name in names { try await store.delete(name.asStream, metadata: EventMetadata(reason: name)) }
            for name in names {
                try requireEqual(
                    try await store.wholeStream(name.asStream.control).count, 1,
                    "The control events of '\(name.prefix(20))'")
            }
        },
    ]
}
