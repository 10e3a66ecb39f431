import DaybookCore
import Testing

@testable import DaybookJetStream

@Suite("The subjects and records of a log on JetStream")
struct LayoutTests {
    let subjects = LogSubjects(store: "s")

    @Test(
        "give back every stream name",
        arguments: [
            "order-42", "order", "order-", "-1", "-", "--", "~", "~~-~", "a.b-c.d", "*->", "a b-%", "日本-一", "é-\u{301}",
            "\"-\\", "$x-1", "order-1-2",
        ] as [StreamName])
    func names(_ name: StreamName) throws {
        let subject = try #require(subjects.subject(of: name))
        #expect(subjects.stream(of: subject) == name)
        #expect(
            subject.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: ">") })
        #expect(subject.split(separator: ".", omittingEmptySubsequences: false).count == 6)
        #expect(subjects.subject(of: name.control) == subject)
        #expect(subjects.subject(of: name.control.control) == nil)
    }

    @Test(
        "give back every name in the bucket",
        arguments: ["order-42", "a.b *>", "=41", "日本", "é", "e\u{301}", "$consumer-x", "\u{1F}"])
    func bucketNames(_ name: String) throws {
        let token = BucketKey.token(name)
        #expect(token.utf8.allSatisfy { $0 == UInt8(ascii: "=") || $0 > 0x20 && LogSubjects.isPlain($0) })
        let text = try #require(BucketKey.text(of: token))
        #expect(text.utf8.elementsEqual(name.utf8))
        let head = ModelSubjects(ReadModelName(unchecked: name), in: "$KV.b.").head
        #expect(ModelSubjects.model(ofHead: head, in: "$KV.b.") == ReadModelName(unchecked: name))
    }

    @Test(
        "refuse what is no name in the bucket", arguments: ["=", "=4", "=4g", "=e9", "=C3", "=41", "a b", "é"])
    func strangeBucketNames(_ token: String) {
        #expect(BucketKey.text(of: token) == nil)
        #expect(ModelSubjects.model(ofHead: "$KV.b.m.\(token).h", in: "$KV.b.") == nil)
    }

    @Test("keep a stream's partition for good")
    func partitions() {
        #expect(
            subjects.subject(of: "order-42" as StreamName) == "es.s.e.\(LogSubjects.partition(of: "order-42")).order.42"
        )
        #expect(LogSubjects.partition(of: "order-42") == 18)
        #expect(LogSubjects.partition(of: "order-43") == 1)
    }

    @Test("give back every number and byte")
    func numbers() throws {
        let numbers: [Int64] = [0, 1, 127, 128, 300, -1, .max, .min]
        var writer = RecordWriter(reserving: 0)
        for number in numbers { writer.add(number) }
        writer.add(fixed: 0x0123_4567_89AB_CDEF)
        writer.add("é")
        writer.addRest([1, 2, 3])
        var reader = RecordReader(writer.bytes)
        for number in numbers { #expect(try reader.number() == number) }
        #expect(try reader.fixed() == 0x0123_4567_89AB_CDEF)
        #expect(try reader.text() == "é")
        #expect(Array(reader.rest()) == [1, 2, 3])
    }

    @Test("are refused, and never trap, when cut off or changed anywhere")
    func damage() {
        let event = NewEvent(type: "counted", data: Array("{}".utf8), metadata: [1, 2], tags: ["a", "b"])
        let place = LogRecord.Place(kind: .event, index: 1, remaining: 2, append: 7)
        let part = LogRecord.StreamPart(
            eventCount: 3, lastEvent: 0, lastEventID: event.id, firstEvent: 4, controlCount: 1, lastControl: 2,
            previousControl: 2)
        let body = LogRecord.encode(event, place: place, stream: part)
        let time = Timestamp(microseconds: 1)
        func read(_ body: [UInt8]) -> LogRecord? {
            try? LogRecord(StoredMessage(sequence: 9, subject: "x", time: time, body: body))
        }
        #expect(read(body)?.event.tags == ["a", "b"])
        #expect(read(body).map { Array($0.event.data) } == event.data)
        #expect(read(body)?.stream.eventCount == 3)
        for end in 0..<(body.count - event.data.count) { #expect(read(Array(body[..<end])) == nil) }
        for index in body.indices {
            for bit in 0..<8 {
                var changed = body
                changed[index] ^= 1 << bit
                _ = read(changed)?.end
                _ = try? ReceiptRecord(StoredMessage(sequence: 9, subject: "x", time: time, body: changed))
                _ = try? LogRecord.positions(
                    ofTag: StoredMessage(sequence: 9, subject: "x", time: time, body: changed))
            }
        }
    }

    private let event = NewEvent(type: "counted", data: [])
    private let time = Timestamp(microseconds: 1)
    static let impossible: [Int64] = [.min, -1, 1 << 62, .max]

    private func place(_ kind: LogRecord.Kind, remaining: Int64 = 2) -> LogRecord.Place {
        LogRecord.Place(kind: kind, index: 1, remaining: remaining, append: 7)
    }

    private func message(_ body: [UInt8]) -> StoredMessage {
        StoredMessage(sequence: 9, subject: "x", time: time, body: body)
    }

    @Test(
        "are refused, and never trap, when an event has numbers that none at its sequence has",
        arguments: [LogRecord.Kind.event, .control])
    func numbersOfEvents(_ kind: LogRecord.Kind) {
        typealias PartNumber = WritableKeyPath<LogRecord.StreamPart, Int64>
        typealias PlaceNumber = WritableKeyPath<LogRecord.Place, Int64>
        let part = LogRecord.StreamPart(
            eventCount: 3, lastEvent: 2, lastEventID: event.id, firstEvent: 0, controlCount: 1, lastControl: 2,
            previousControl: 2)
        func end(_ place: LogRecord.Place, _ part: LogRecord.StreamPart) -> Int64? {
            (try? LogRecord(message(LogRecord.encode(event, place: place, stream: part))))?.end
        }
        #expect(end(place(kind), part) == 11)
        let ofPlace: [PlaceNumber] = [\.index, \.remaining]
        for path in ofPlace {
            for number in Self.impossible {
                var wrong = place(kind)
                wrong[keyPath: path] = number
                #expect(end(wrong, part) == nil, "\(number)")
            }
        }
        var ofPart: [PartNumber] = [\.eventCount, \.firstEvent, \.controlCount, \.previousControl]
        if kind == .control { ofPart.append(\.lastEvent) }
        var wrongs: [(PartNumber, Int64)] = []
        for path in ofPart { for number in Self.impossible { wrongs.append((path, number)) } }
        let own: PartNumber = kind == .event ? \.eventCount : \.controlCount
        wrongs.append((own, 0))
        // What would stand behind it; whoever goes from a control event to the one before it has to come to an end.
        wrongs.append((\.eventCount, 10))
        wrongs.append((\.firstEvent, 10))
        wrongs.append((\.previousControl, 9))
        for (path, number) in wrongs {
            var wrong = part
            wrong[keyPath: path] = number
            #expect(end(place(kind), wrong) == nil, "\(number)")
        }
    }

    @Test(
        "are refused, and never trap, with numbers that no tag, import, receipt, document or model has",
        arguments: impossible)
    func numbersOfOthers(_ number: Int64) {
        for body in [
            LogRecord.encodeTag([1], place: place(.tag, remaining: number)),
            LogRecord.encodeTag([number], place: place(.tag)),
        ] {
            #expect(throws: RecordReader.Damage.self) { try LogRecord.positions(ofTag: message(body)) }
        }
        let imported = LogRecord.encodeImported(time, place: place(.imported, remaining: number))
        #expect(throws: RecordReader.Damage.self) { try ImportEnd(message(imported)) }
        let result = AppendResult(streams: [], position: Position(number), eventCount: 1, recordedAt: time)
        for body in [
            ReceiptRecord.encode(result, digest: 1, isOwn: true, place: place(.receipt, remaining: number)),
            ReceiptRecord.encode(result, digest: 1, isOwn: false, place: place(.receipt)),
        ] {
            #expect(throws: RecordReader.Damage.self) { try ReceiptRecord(message(body)) }
        }
        let document = DocumentRecord(key: "a", content: .pieces(generation: 1, count: number)).bytes
        #expect(throws: RecordReader.Damage.self) { try DocumentRecord(document) }
        let head = ModelHead(epoch: 1, position: 1, staged: ModelHead.Staged(generation: 1, parts: number)).bytes
        #expect(throws: RecordReader.Damage.self) { try ModelHead(head) }
    }

    @Test("read an acknowledgement and a refusal")
    func acknowledgements() {
        func read(_ text: String) -> Result<PublishAck, ConnectionFailure> {
            Array(text.utf8).withUnsafeBytes { PublishAck.read($0) }
        }
        #expect(read(#"{"stream":"ES","seq":12}"#) == .success(PublishAck(sequence: 12, isDuplicate: false)))
        #expect(
            read(#"{"stream":"ES","seq":8,"batch":"B1","count":3}"#)
                == .success(PublishAck(sequence: 8, isDuplicate: false)))
        #expect(
            read(
                #"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"ES","seq":0}"#
            )
                == .failure(.refused(code: 10071, description: "wrong last sequence: 1")))
        #expect(read("") == .failure(.unreadable("")))
    }

    @Test(
        "cut what is large into pieces that fit into a message, however little the servers take",
        arguments: [1024, 4096, 8192, 12_000, 1 << 20, 8 << 20])
    func pieces(maxPayload: Int) {
        let bytes = JetStreamEventStore.pieceBytes(within: maxPayload)
        #expect(bytes > 0 && bytes <= maxPayload - min(8192, maxPayload / 2) && bytes <= 512 << 10)
    }
}
