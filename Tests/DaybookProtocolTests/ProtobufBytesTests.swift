import DaybookCore
import Testing

@testable import DaybookProtocol

/// The bytes are those that protoc wrote by `daybook.proto`, as in
///
///     protoc -I Sources/DaybookProtocol/Protos --encode=daybook.v1.AppendRequest daybook.proto | xxd -p
@Suite("The bytes that are written by hand")
struct ProtobufBytesTests {
    private func expect(_ message: some WireMessage, _ hex: String, _ comment: Comment) {
        #expect(Self.hex(message.wireBytes) == hex, comment)
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    private static let id = EventID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)

    @Test("are those of protobuf, for an append")
    func append() {
        var request = AppendRequest(commandID: "transfer-17")
        let event = NewEvent(
            id: Self.id, type: "account.deposited", schemaVersion: 3, contentType: .bytes, data: [1, 2, 3],
            metadata: Array("{}".utf8), tags: ["owner:17", "b"])
        request.append([event], to: "account-1", expecting: .version(4))
        let retention = Retention(maxAge: .milliseconds(1_500), maxCount: 3, truncateBefore: 0)
        request.writes.append(
            StreamWrite(stream: "account-3", expected: .streamExists, action: .setRetention(retention), metadata: [9]))
        request.writes.append(StreamWrite(stream: "account-4", action: .delete))
        request.check("limits", at: .version(0))
        request.condition = AppendCondition(
            failIfEventsMatch: EventQuery(items: [.init(types: ["a"], tags: ["c"]), .init()]), after: 17)
        expect(
            request,
            "0a6c0a096163636f756e742d3112040803100422590a1209efcdab8967452301111032547698badcfe12116163636f756e742e64"
                + "65706f7369746564180322186170706c69636174696f6e2f6f637465742d73747265616d2a0301020332027b7d3a086f776e"
                + "65723a31373a01620a260a096163636f756e742d331202080218012a100801108080c89d9deb96f806180320003201090a0f"
                + "0a096163636f756e742d3412001802120c0a066c696d697473120208031a0e0a0a0a060a01611201630a001011220b747261"
                + "6e736665722d3137", "a request")
        let error = AppendError.wrongExpectedVersion(stream: "a-1", expected: .noStream, actual: 0)
        #expect(Self.hex(Result<MaybeResult, AppendError>.failure(error).wireBytes) == "7a0d08011203612d311a0208012000")
    }

    @Test("are those of protobuf, for reads")
    func reads() {
        let event = RecordedEvent(
            id: EventID(high: 1, low: 2), type: "t", schemaVersion: 1, contentType: .json, data: [7], metadata: [],
            tags: ["a"], stream: "s-1", version: 5, position: 300, recordedAt: Timestamp(microseconds: -3))
        expect(
            LogPage(events: [event], scannedThrough: 300, isAtEnd: true),
            "08ac0210011a340a1209010000000000000011020000000000000012017418012a01073a01614203732d31480550ac0258fdffff"
                + "ffffffffffff01", "a page of the log")
        let filter = EventFilter(
            categories: [Category(unchecked: "")], streamPrefixes: ["$"], types: ["t"], typePrefixes: ["p"],
            tags: ["g"], query: EventQuery(tags: ["q"]), includesControlEvents: true)
        expect(
            LogPageRequest(
                cursor: .time(Timestamp(microseconds: -5)), direction: .backward, filter: filter, limit: 7),
            "0a0d080410fbffffffffffffffff0110011a170a001201241a01742201702a016732050a0312017138012007",
            "a request for a page")
    }

    @Test("are those of protobuf, for health")
    func health() {
        let consumer = ConsumerHealth(
            name: "n", kind: .processManager, position: 3, eventsBehind: -4, secondsBehind: 0.25, parked: 0,
            problems: ["p"])
        let file = FileHealth(eventsNotIndexed: 1, walBytes: 2, freeBytes: 0, freeSpaceReserve: 3, failure: "")
        expect(
            StoreHealth(
                head: 7, checkedAt: Timestamp(microseconds: 1), consumers: [consumer], file: file, problems: ["x"]),
            "080710011a200a016e1003180320fcffffffffffffffff0129000000000000d03f30003a0170220a08011002180020032a002a0178",
            "the health of a store")
        expect(
            HealthPolicy(
                maxEventsBehind: 5, maxTimeBehind: .milliseconds(-1_500), maxParked: 0, maxWALBytes: 1,
                ignoredConsumers: ["x"]),
            "080510ffffffffffffffffff01188080b8e2e294e987f9012801320178", "a policy")
    }

    @Test("are those of protobuf, for documents and copies")
    func others() {
        expect(
            DocumentBatch(model: "m", changes: ["a": []], previous: 1, checkpoint: 2, expected: ["d": nil]),
            "0a016d1001180222050a016112002a030a0164", "a batch")
        expect(ImportedPositions([1, 300]), "0a0301ac02", "positions")
        let result = AppendResult(
            streams: [.init(stream: "a", version: nil), .init(stream: "b", version: 0)], position: 7, eventCount: 2,
            recordedAt: Timestamp(microseconds: 9), isRepeat: true)
        expect(
            RecordedCommand(number: 1, command: "c", digest: 0x8000_0000_0000_0001, result: result),
            "080112016319010000000000008022140a030a01610a050a016210001007180220092801", "a command")
    }
}
