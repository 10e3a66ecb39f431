import Daybook
import DaybookCore
import DaybookTesting
import Foundation
import Testing

@Suite("The JSON event codec")
struct JSONEventCodecTests {
    enum Sample: DomainEvent, Equatable {
        case opened
        case priced(at: Date, price: Decimal, note: String?)
        case labelled(String, labels: [String: [Int]])
        case moved(from: Side, to: Side)
        case measured(Double, exactly: Int64)
        case größer(wert: Data)

        enum Side: String, Codable { case buy, sell }

        static let typePrefix = "sample"
        static func schemaVersion(of type: EventType) -> UInt32 { type == "sample.opened" ? 3 : 1 }
    }

    enum Bare: DomainEvent, Equatable {
        case happened(count: Int)
    }

    enum Unsteady: String, DomainEvent { case one, two }

    struct Pair: DomainEvent {
        var left = 1
        var right = 2
    }

    struct Refusing: DomainEvent {
        init() {}
        init(from decoder: any Decoder) throws {}
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(Double.nan)
        }
    }

    enum Odd: DomainEvent {
        case quoted(Int)
        enum CodingKeys: String, CodingKey { case quoted = "a\"b" }
    }

    enum Lengthy: DomainEvent {
        case happened
        static let typePrefix = String(repeating: "x", count: 600)
    }

    private let codec = JSONEventCodec<Sample>()

    private func recorded(_ type: EventType, _ data: String, schemaVersion: UInt32 = 1, content: ContentType = .json)
        -> RecordedEvent
    {
        RecordedEvent(
            id: EventID(), type: type, schemaVersion: schemaVersion, contentType: content, data: Array(data.utf8)[...],
            metadata: [], tags: [], stream: "sample-1", version: 7, position: 42,
            recordedAt: Timestamp(microseconds: 0))
    }

    private func cause<Event>(_ codec: JSONEventCodec<Event>, _ event: RecordedEvent) -> EventDecodingError.Cause? {
        do throws(EventDecodingError) {
            _ = try codec.decode(event)
            return nil
        } catch {
            return error.cause
        }
    }

    @Test(
        "writes these very bytes",
        arguments: [
            (Sample.opened, "sample.opened", "{}"),
            (
                .priced(at: Date(timeIntervalSince1970: 1_340_271_000.25), price: 12.5, note: nil), "sample.priced",
                #"{"at":"2012-06-21T09:30:00.250Z","price":12.5}"#
            ),
            (
                .labelled("a/b", labels: ["z": [1], "a": []]), "sample.labelled",
                #"{"_0":"a/b","labels":{"a":[],"z":[1]}}"#
            ),
            (.moved(from: .buy, to: .sell), "sample.moved", #"{"from":"buy","to":"sell"}"#),
            (.größer(wert: Data([1, 2, 255])), "sample.größer", #"{"wert":"AQL/"}"#),
        ])
    func goldenBytes(event: Sample, type: EventType, data: String) throws {
        let encoded = try codec.encode(event)
        #expect(encoded.type == type)
        #expect(String(decoding: encoded.data, as: UTF8.self) == data)
        #expect(encoded.contentType == .json)
        #expect(encoded.schemaVersion == (event == .opened ? 3 : 1))
        #expect(try codec.decode(recorded(type, data, schemaVersion: encoded.schemaVersion)) == [event])
    }

    @Test("reads what it wrote", arguments: TestSeeds.first(50))
    func roundTrip(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let text = String(
                String.UnicodeScalarView(
                    (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                        Unicode.Scalar(UInt32.random(in: 0..<0xD800, using: &generator)) ?? "?"
                    }))
            let date = Date(timeIntervalSinceReferenceDate: .random(in: -1e9...1e9, using: &generator))
            let event: Sample =
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: .priced(at: date, price: Decimal(Int.random(in: -999...999, using: &generator)), note: text)
                case 1: .labelled(text, labels: [text: [.random(in: .min ... .max, using: &generator)], "{": []])
                case 2: .measured(.random(in: -1e300...1e300, using: &generator), exactly: Int64.max - 1)
                default: .größer(wert: Data(text.utf8))
                }
            let encoded = try codec.encode(event)
            #expect(try codec.encode(event) == encoded, "seed \(seed)")
            let data = String(decoding: encoded.data, as: UTF8.self)
            #expect(try codec.decode(recorded(encoded.type, data)) == [event], "seed \(seed)")
        }
    }

    @Test("writes dates so that they come back the same, near and far", arguments: TestSeeds.first(20))
    func dates(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for exponent in -18...10 {
            let bound = pow(10, Double(exponent))
            let date = Date(timeIntervalSinceReferenceDate: .random(in: -bound...bound, using: &generator))
            let event = Sample.priced(at: date, price: 1, note: nil)
            let encoded = try codec.encode(event)
            let read = try codec.decode(recorded(encoded.type, String(decoding: encoded.data, as: UTF8.self)))
            guard case .priced(let back, _, _)? = read.first else {
                Issue.record("another case, seed \(seed)")
                continue
            }
            #expect(
                back == date || (bound <= 1 && abs(back.timeIntervalSince(date)) < 1e-15),
                "seed \(seed), 10^\(exponent)")
        }
    }

    @Test("needs no prefix")
    func withoutPrefix() throws {
        let codec = JSONEventCodec<Bare>()
        #expect(try codec.encode(.happened(count: 2)).type == "happened")
        #expect(try codec.decode(recorded("happened", #"{"count":2}"#)) == [.happened(count: 2)])
    }

    @Test(
        "does not know types outside the enum",
        arguments: ["sample.closed", "sample", "sample.", "other.opened", "opened", "sampleopened", #"sample.a"b"#]
            as [EventType])
    func unknownType(type: EventType) throws {
        #expect(cause(codec, recorded(type, "{}")) == .unknownType)
        #expect(cause(codec, recorded(type, "garbage")) == .unknownType)
    }

    @Test(
        "does not know types outside its prefix, whatever their version and their form",
        arguments: ["sample", "sample.", "other.opened", "opened", #"sample.a"b"#] as [EventType])
    func foreignType(type: EventType) throws {
        #expect(cause(codec, recorded(type, "{}", schemaVersion: 4)) == .unknownType)
        #expect(cause(codec, recorded(type, "{}", content: "text/plain")) == .unknownType)
    }

    @Test("does not read a newer schema version")
    func newer() throws {
        #expect(cause(codec, recorded("sample.opened", "{}", schemaVersion: 4)) == .newerSchema(known: 3))
        #expect(cause(codec, recorded("sample.opened", "{}", schemaVersion: 3)) == nil)
    }

    @Test(
        "refuses data of another shape",
        arguments: [
            "", "{", "garbage", "[]", "1", "null", #"{"from":"buy"}"#, #"{"from":"buy","to":"up"}"#,
            #"{"from":"buy","to":"sell"}}"#, #"{"from":"buy","to":"sell"},"opened":{}"#, "\u{0}\u{1}",
        ])
    func garbage(data: String) throws {
        guard case .undecodableData(let reason) = cause(codec, recorded("sample.moved", data)) else {
            Issue.record("\(data) was not refused as data")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("refuses data of another content type")
    func contentType() throws {
        guard case .undecodableData = cause(codec, recorded("sample.opened", "{}", content: .bytes)) else {
            Issue.record("read as JSON")
            return
        }
    }

    @Test("names the event that cannot be read")
    func names() throws {
        do throws(EventDecodingError) {
            _ = try codec.decode(recorded("sample.moved", #"{"from":"buy"}"#))
            Issue.record("was read")
        } catch {
            #expect(error.position == 42 && error.stream == "sample-1" && error.version == 7)
            #expect(error.description.contains("'sample.moved' at version 7 of stream 'sample-1' (position 42)"))
            #expect(error.description.contains("to"))
        }
    }

    @Test("refuses events that are no enum with values, by an error that says so")
    func otherShapes() throws {
        #expect(throws: EventEncodingError(event: "Unsteady", cause: .notOneCase(found: #""one""#))) {
            try JSONEventCodec<Unsteady>().encode(.one)
        }
        #expect(throws: EventEncodingError(event: "Pair", cause: .notOneCase(found: #"{"left":1,"right":2}"#))) {
            try JSONEventCodec<Pair>().encode(Pair())
        }
        #expect(throws: EventEncodingError(event: "Odd", cause: .unusableCaseName(#"a\"b"#))) {
            try JSONEventCodec<Odd>().encode(.quoted(1))
        }
        #expect(throws: EventEncodingError.self) { try JSONEventCodec<Refusing>().encode(Refusing()) }
        #expect(throws: EventEncodingError.self) { try JSONEventCodec<Lengthy>().encode(.happened) }
        #expect(throws: EventEncodingError.self) { try codec.encode(.measured(.infinity, exactly: 1)) }
    }
}
