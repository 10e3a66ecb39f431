import DaybookCore
import DaybookTesting
import Testing

@testable import DaybookProtocol

@Suite("A message on the wire")
struct WireTests {
    /// The message after it was written and read.
    private func copy<M: WireMessage>(_ message: M) throws -> M { try M(wireBytes: message.wireBytes) }

    private static let id = EventID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)

    @Test("has the bytes that protobuf says")
    func bytes() throws {
        let message = PositionMessage(Position(300))
        #expect(message.wireBytes == [0x08, 0xAC, 0x02])
        let named = NamedRequest<StreamName>("a-1")
        #expect(named.wireBytes == [0x0A, 0x03, 0x61, 0x2D, 0x31])
        #expect(
            Self.id.wireBytes == [
                0x09, 0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01, 0x11, 0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC,
                0xFE,
            ])
    }

    @Test(
        "has its length in front, however long it is", arguments: [0, 1, 100, 126, 127, 128, 16_382, 16_400, 3_000_000])
    func lengths(_ count: Int) throws {
        let document = WireDocument(key: "k", data: [UInt8](repeating: 7, count: count))
        var page = DocumentsPage()
        page.documents = [document, WireDocument(key: "none", data: nil)]
        page.examined = 2
        let read = try copy(page)
        #expect(read.documents.map(\.key) == ["k", "none"])
        #expect(read.documents[0].data?.count == count && read.documents[1].data == nil && read.examined == 2)
    }

    @Test("brings a check of the settings of a stream whose name is as long as one may be")
    func longCheck() throws {
        let stream = StreamName(unchecked: String(repeating: "s", count: Limits.nameBytes))
        let check = StreamCheck(stream: stream.control, expected: .noStream)
        #expect(try copy(check) == check)
        #expect(throws: WireError.self) { try copy(StreamCheck(stream: stream.control.control, expected: .any)) }
        #expect(throws: WireError.self) { try copy(StreamCheck(stream: StreamName(unchecked: ""), expected: .any)) }
    }

    @Test("brings a whole append")
    func append() throws {
        var request = AppendRequest(commandID: "transfer-17")
        let event = NewEvent(
            id: Self.id, type: "account.deposited", schemaVersion: 3, contentType: .bytes, data: [1, 2, 3],
            metadata: Array("{}".utf8), tags: ["owner:17", "b"])
        request.append([event, NewEvent(type: "empty", data: [])], to: "account-1", expecting: .version(4))
        request.append([event], to: "account-2", expecting: .noStream)
        request.writes.append(
            StreamWrite(
                stream: "account-3", expected: .streamExists,
                action: .setRetention(Retention(maxAge: .milliseconds(1_500), maxCount: 3, truncateBefore: 9)),
                metadata: [9]))
        request.writes.append(StreamWrite(stream: "account-4", action: .delete))
        request.writes.append(StreamWrite(stream: "account-5", action: .tombstone))
        request.check("limits", at: .version(0))
        request.condition = AppendCondition(
            failIfEventsMatch: EventQuery(items: [
                .init(types: ["a", "b"], tags: ["c"]), .init(), .init(tags: ["d"]),
            ]), after: 17)
        #expect(try copy(request) == request)
        #expect(try copy(AppendRequest(commandID: "x")) == AppendRequest(commandID: "x"))
    }

    static let appendErrors: [AppendError] = [
        .wrongExpectedVersion(stream: "a-1", expected: .version(0), actual: nil),
        .wrongExpectedVersion(stream: "a-1", expected: .noStream, actual: 0),
        .streamTombstoned(stream: "a-1"), .conditionFailed(after: .start, conflict: 4), .commandReused(id: "c"),
        .unsupported(reason: "r"), .refused(by: "model", reason: "r"), .storageFailed(reason: "r", mayBeWritten: true),
        .storageFailed(reason: "", mayBeWritten: false), .cancelled(mayBeWritten: true), .closed,
    ]

    static let invalid: [InvalidAppend] = [
        .empty, .noEvents(stream: "a"), .repeatedStream("a"),
        .name(InvalidName(kind: "tag", text: "\u{1}", reason: .controlCharacter)),
        .name(InvalidName(kind: "tag", text: "", reason: .length(0))),
        .name(InvalidName(kind: "stream name", text: "$$a", reason: .reserved(prefix: "$$"))),
        .name(InvalidName(kind: "category", text: "a-b", reason: .dash)), .tooManyEvents(10_001),
        .tooManyStreams(1_001), .eventTooLarge(id: id, bytes: 7), .metadataTooLarge(stream: "a", bytes: 7),
        .requestTooLarge(bytes: 7), .tooManyTags(id: id, count: 33), .repeatedEventID(id),
        .queryTooLarge(items: 1, terms: 2), .emptyCondition, .conditionBeyondHead(after: 7, head: 3),
        .retention(Retention(maxAge: .zero, maxCount: 0)), .retention(Retention(maxAge: .milliseconds(-1_500))),
    ]

    @Test("brings every refusal of an append")
    func refusals() throws {
        for error in Self.appendErrors + Self.invalid.map({ AppendError.invalid($0) }) {
            let answer = Result<MaybeResult, AppendError>.failure(error)
            let read = try Result<MaybeResult, AppendError>(wireBytes: answer.wireBytes)
            guard case .failure(let found) = read else {
                Issue.record("\(error) was read as a success")
                continue
            }
            #expect(found == error)
        }
    }

    @Test("brings every failure of reads, derived state and copies")
    func failures() throws {
        let reads: [ReadError] = [
            .corrupted(position: 3, stream: "a", file: "f", reason: "r"),
            .corrupted(position: nil, stream: nil, file: "", reason: ""),
            .archiveUnreadable(position: 3, file: "f", reason: "r"), .storageFailed(reason: "r"), .invalidLimit(0),
            .queryTooLarge(items: 65, terms: 3), .cancelled, .closed,
        ]
        for error in reads { #expect(try copy(error) == error) }
        let derived: [DerivedStateError] = [
            .checkpointMoved(model: "m", expected: 1, actual: 2), .documentChanged(model: "m", key: "k"),
            .tooLarge(key: "k", bytes: 3), .tooManyDocuments(4), .storageFailed(reason: "r"),
            .corrupted(key: "k", file: "f"), .cancelled, .closed,
        ]
        for error in derived { #expect(try copy(error) == error) }
        let copies: [LogCopyError] = [
            .notNext(position: 1, head: 3), .wrongVersion(stream: "a", version: 2, position: 3, last: nil),
            .wrongVersion(stream: "a", version: 2, position: 3, last: 0), .goesBackInTime(position: 1),
            .unknownControl(position: 2), .unknownResult(command: "c"), .differs(position: 1, reason: "r"),
            .commandDiffers(command: "c"), .refused(by: "m", reason: "r"), .read(.invalidLimit(3)),
            .storageFailed(reason: "r", mayBeWritten: true), .cancelled, .closed,
        ]
        for error in copies { #expect(try copy(error) == error) }
    }

    @Test("brings pages, with events whose payloads share one buffer")
    func pages() throws {
        let events = (1...300).map { number in
            RecordedEvent(
                id: EventID(high: 1, low: UInt64(number)), type: EventType(unchecked: "type \(number % 3)"),
                schemaVersion: 1, contentType: number % 2 == 0 ? .json : .bytes,
                data: [UInt8](repeating: 7, count: number)[...], metadata: [], tags: number % 5 == 0 ? ["a", "b"] : [],
                stream: StreamName(unchecked: "stream-\(number % 7)"), version: StreamVersion(Int64(number)),
                position: Position(Int64(number)), recordedAt: Timestamp(microseconds: Int64(number) - 3))
        }
        let log = try copy(LogPage(events: events, scannedThrough: 300, isAtEnd: true))
        #expect(log.events == events && log.scannedThrough == 300 && log.isAtEnd)
        let state = StreamState(status: .deleted, lastVersion: 0, retention: Retention(maxCount: 2))
        let stream = try copy(StreamPage(events: [], state: state, isAtEnd: false))
        #expect(stream.state == state && stream.events.isEmpty && !stream.isAtEnd)
    }

    @Test("brings requests for pages", arguments: [ReadDirection.forward, .backward])
    func requests(direction: ReadDirection) throws {
        let time = Timestamp(microseconds: -5)
        for cursor: StreamCursor in [.start, .end, .version(3), .position(.start), .time(time)] {
            let read = try copy(StreamPageRequest(stream: "a", cursor: cursor, direction: direction, limit: 7))
            #expect(read.cursor == cursor && read.direction == direction && read.limit == 7 && read.stream == "a")
        }
        let filter = EventFilter(
            categories: [Category(unchecked: "")], streamPrefixes: ["$", ""], types: ["t"], typePrefixes: ["p"],
            tags: ["g"], query: EventQuery(tags: ["q"]), includesControlEvents: true)
        for cursor: LogCursor in [.start, .end, .position(3), .time(time)] {
            let read = try copy(LogPageRequest(cursor: cursor, direction: direction, filter: filter, limit: 7))
            #expect(read.cursor == cursor && read.direction == direction && read.filter == filter)
        }
    }

    @Test("brings a result, a batch and a policy")
    func values() throws {
        let result = AppendResult(
            streams: [.init(stream: "a", version: nil), .init(stream: "b", version: 0)], position: 7, eventCount: 2,
            recordedAt: Timestamp(microseconds: 9), isRepeat: true)
        #expect(try copy(result) == result)
        let batch = DocumentBatch(
            model: "m", changes: ["a": [1], "b": nil, "c": []], previous: 1, checkpoint: 2, expected: ["d": nil])
        let read = try copy(batch)
        #expect(read.changes == batch.changes && read.expected == batch.expected)
        #expect(read.previous == 1 && read.checkpoint == 2 && read.model == "m")
        let policy = HealthPolicy(maxTimeBehind: .milliseconds(-1_500), ignoredConsumers: ["x"])
        #expect(try copy(policy) == policy)
        let health = StoreHealth(
            head: 7, checkedAt: Timestamp(microseconds: 1),
            consumers: [
                ConsumerHealth(
                    name: "n", kind: .processManager, position: 3, eventsBehind: -4, secondsBehind: 0.25, parked: 0,
                    problems: ["p", ""])
            ],
            file: FileHealth(eventsNotIndexed: 1, walBytes: 2, freeBytes: 0, freeSpaceReserve: 3, failure: ""),
            problems: ["x"])
        #expect(try copy(health) == health)
    }

    @Test("never reads beyond its bytes, whatever they are", arguments: TestSeeds.first(40))
    func damaged(seed: UInt64) throws {
        var request = AppendRequest(commandID: "transfer-17")
        request.append([NewEvent(type: "t", data: [1, 2, 3], tags: ["a"])], to: "account-1", expecting: .version(4))
        let bytes = request.wireBytes
        for count in 0..<bytes.count { _ = try? AppendRequest(wireBytes: Array(bytes[..<count])) }
        var state = seed
        for _ in 0..<500 {
            var damaged = bytes
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                damaged[Int(state >> 33) % damaged.count] = UInt8(truncatingIfNeeded: state >> 24)
            }
            _ = try? AppendRequest(wireBytes: damaged)
            _ = try? LogPage(wireBytes: damaged)
        }
    }

    @Test("takes no more events and streams than an append may have")
    func bounds() throws {
        var writer = WireWriter()
        for _ in 0...Limits.streamsPerAppend {
            writer.message(1, StreamWrite(stream: "a", action: .delete))
        }
        #expect(throws: WireError.self) { try AppendRequest(wireBytes: writer.bytes) }
    }
}
