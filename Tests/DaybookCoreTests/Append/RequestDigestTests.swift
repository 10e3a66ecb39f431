import DaybookCore
import Testing

@Suite("The digest of a request")
struct RequestDigestTests {
    private func digest(tags: [DaybookCore.Tag]) -> UInt64 {
        var request = AppendRequest()
        request.append(
            [
                NewEvent(type: "deposited", schemaVersion: 2, data: Array("{\"amount\":12}".utf8), tags: tags),
                NewEvent(type: "noted", contentType: .bytes, data: []),
            ], to: "account-1")
        request.writes.append(StreamWrite(stream: "account-2", action: .setRetention(Retention(maxCount: 3))))
        request.writes.append(StreamWrite(stream: "account-3", action: .delete))
        request.writes.append(StreamWrite(stream: "account-4", action: .tombstone))
        return RequestDigest(request).value
    }

    @Test("is that of the receipts in files that exist")
    func isStable() {
        #expect(digest(tags: []) == 499_853_600_105_370_682)
        #expect(digest(tags: ["owner:1"]) == 704_577_991_283_692_416)
        #expect(digest(tags: ["owner:2", "owner:1"]) == 3_601_088_920_569_606_653)
    }

    @Test("has the checked streams in it where nothing is written, control streams aside")
    func checks() {
        func digest(_ streams: [StreamName], _ change: (inout AppendRequest) -> Void = { _ in }) -> UInt64 {
            var request = AppendRequest()
            for stream in streams { request.check(stream, at: .any) }
            change(&request)
            return RequestDigest(request).value
        }
        func write(_ request: inout AppendRequest) {
            request.append([NewEvent(type: "deposited", data: [])], to: "account-1")
        }
        #expect(digest([]) == 0x0000_0100_0000_01B3)
        #expect(digest(["account-1"]) != digest([]))
        #expect(digest(["account-1"]) != digest(["account-2"]))
        #expect(digest(["account-1", StreamName("account-1").control]) == digest(["account-1"]))
        #expect(digest(["account-2"], write) == digest([], write))
    }

    @Test("counts a tag that is named twice once, as the store does")
    func countsTagsOnce() {
        #expect(digest(tags: ["owner:2", "owner:1", "owner:2", "owner:1"]) == digest(tags: ["owner:2", "owner:1"]))
        #expect(digest(tags: ["owner:2", "owner:2"]) == digest(tags: ["owner:2"]))
        #expect(digest(tags: ["owner:2", "owner:2"]) != digest(tags: ["owner:2", "owner:1"]))
    }
}
