import DaybookCore
import Foundation
import KurrentProtocol
import NIOCore
import SwiftProtobuf
import Testing

@testable import DaybookServer

@Suite struct KurrentEventEncoderTests {
    private static func event(
        _ stream: StreamName, type: EventType = "Placed", version: Int64, position: Int64, id: EventID = EventID(),
        contentType: ContentType = .json, data: [UInt8], metadata: [UInt8] = []
    ) -> RecordedEvent {
        RecordedEvent(
            id: id, type: type, schemaVersion: 1, contentType: contentType, data: data[...], metadata: metadata[...],
            tags: [],
            stream: stream, version: StreamVersion(version), position: Position(position),
            recordedAt: Timestamp(microseconds: 1_700_000_000_123_456))
    }

    private static func decoded(
        _ event: KurrentEvent?, link: KurrentEvent? = nil, _ form: UUIDForm
    ) throws -> EventStore_Client_Streams_ReadResp.ReadEvent {
        var buffer = ByteBuffer()
        KurrentEventEncoder(uuidForm: form).write(event, link: link, to: &buffer)
        return try EventStore_Client_Streams_ReadResp(serializedBytes: Array(buffer.readableBytesView)).event
    }

    /// Lengths of one, two and three bytes, and numbers of one to nine.
    @Test(arguments: [0, 1, 100, 127, 128, 300, 20_000], [UUIDForm.string, .structured])
    func aDecoderReadsWhatWasWritten(_ bytes: Int, _ form: UUIDForm) throws {
        let id = EventID(high: 0xFEDC_BA98_7654_3210, low: 0x8123_4567_89AB_CDEF)
        for position in [1, 127, 128, 1 << 20, 1 << 40, Int64.max - 1] {
            let recorded = Self.event(
                "order-1", version: position - 1, position: position, id: id, data: [UInt8](repeating: 7, count: bytes),
                metadata: [UInt8](repeating: 8, count: bytes / 2))
            let read = try Self.decoded(KurrentEvent(recorded), form)
            #expect(read.commitPosition == UInt64(position))
            #expect(!read.hasLink)
            let event = read.event
            #expect(event.streamIdentifier.text == "order-1")
            #expect(event.streamRevision == UInt64(position - 1))
            #expect(event.commitPosition == UInt64(position) && event.preparePosition == UInt64(position))
            #expect(
                event.metadata == [
                    "type": "Placed", "content-type": "application/json", "created": "17000000001234560",
                ])
            #expect(event.data == Data(recorded.data) && event.customMetadata == Data(recorded.metadata))
            #expect(event.id.eventID == id)
            switch (event.id.value, form) {
            case (.string(let text), .string): #expect(text == id.description)
            case (.structured, .structured): break
            default: Issue.record("the identifier has another form")
            }
        }
    }

    @Test func anIdentifierOfZerosIsWritten() throws {
        let recorded = Self.event("a", version: 0, position: 1, id: EventID(high: 0, low: 0), data: [])
        for form in [UUIDForm.string, .structured] {
            #expect(
                try Self.decoded(KurrentEvent(recorded), form).event.id.eventID == EventID(high: 0, low: 0))
        }
    }

    @Test func aLinkStandsBesideWhatItLeadsTo() throws {
        let target = try #require(KurrentEvent(Self.event("order-1", version: 3, position: 10, data: [1])))
        let link = try #require(
            KurrentEvent(
                Self.event(
                    "all", type: "$>", version: 0, position: 20, contentType: .bytes, data: Array("3@order-1".utf8))))
        #expect(link.linkTarget?.revision == 3)
        #expect(link.linkTarget?.stream == "order-1")
        let both = try Self.decoded(target, link: link, .string)
        #expect(both.event.streamRevision == 3)
        #expect(both.link.metadata["content-type"] == "application/octet-stream")
        #expect(both.commitPosition == 20)
        let alone = try Self.decoded(nil, link: link, .string)
        #expect(!alone.hasEvent)
        #expect(alone.hasLink)
    }

    @Test(arguments: [0 as Int32, 1, 200, .max])
    func aConsumerIsToldHowOftenAndTheOriginalsPosition(_ retryCount: Int32) throws {
        let target = try #require(KurrentEvent(Self.event("order-1", version: 3, position: 10, data: [1])))
        let link = try #require(
            KurrentEvent(
                Self.event(
                    "all", type: "$>", version: 0, position: 20, contentType: .bytes, data: Array("3@order-1".utf8))))
        var buffer = ByteBuffer()
        KurrentEventEncoder(uuidForm: .structured).write(target, link: link, retryCount: retryCount, to: &buffer)
        let read = try EventStore_Client_PersistentSubscriptions_ReadResp(
            serializedBytes: Array(buffer.readableBytesView)
        ).event
        #expect(read.retryCount == retryCount && read.count != nil)
        #expect(read.commitPosition == 20)
        #expect(read.event.commitPosition == 20 && read.event.preparePosition == 20)
        #expect(read.event.streamRevision == 3 && read.event.data == Data([1]))
        #expect(read.link.commitPosition == 20)
    }

    @Test func whatTheStoreRecordsForItselfIsNotShown() throws {
        #expect(KurrentEvent(Self.event("$$a", type: "$retention-set", version: 0, position: 1, data: [])) == nil)
        let tombstone = try #require(
            KurrentEvent(Self.event("$$a", type: "$stream-tombstoned", version: 0, position: 1, data: [])))
        #expect(tombstone.stream == "a")
        #expect(tombstone.type == "$streamDeleted")
        #expect(tombstone.revision == .max)
        let metadata = try #require(
            KurrentEvent(Self.event("$metadata-a", type: "$metadata", version: 0, position: 1, data: [])))
        #expect(metadata.stream == "$$a")
    }
}
