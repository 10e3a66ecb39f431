import DaybookCore
import NIOCore
import Testing

@testable import DaybookServer

@Suite struct ReadModelServiceTests {
    @Test func anAnswerHasAboutAPageOfDocumentsThoughTheFirstOnesWereSmall() async throws {
        let store = InMemoryEventStore()
        let keys = (10..<58).map { "key-\($0)" }
        var changes: [String: [UInt8]?] = [:]
        for (index, key) in keys.enumerated() {
            changes[key] = [UInt8](repeating: 7, count: index < 16 ? 1 : Limits.eventBytes)
        }
        try await store.commit(DocumentBatch(model: "m", changes: changes, previous: .start, checkpoint: .start))
        // The fields of the requests in `daybook.proto`: a model, and a limit, or keys.
        let model: [UInt8] = [0x0A, 1, UInt8(ascii: "m")]
        var some = model
        for key in keys {
            some += [0x12, UInt8(key.utf8.count)]
            some += key.utf8
        }
        for (method, request) in [("ListDocuments", model + [0x18, 100]), ("GetDocuments", some)] {
            let path = "/daybook.v1.Store/\(method)"
            guard case .unary(let answer)? = ReadModelService(store: store).routes[path] else {
                Issue.record("There is no \(path).")
                continue
            }
            let context = RPCContext(path: path, peer: RPCPeer(address: "here"))
            let bytes = try await answer(ByteBuffer(bytes: request), context).readableBytes
            #expect(bytes > Limits.pageBytes && bytes < 2 * Limits.pageBytes)
        }
    }
}
