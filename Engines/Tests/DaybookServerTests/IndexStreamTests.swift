import DaybookCore
import Testing

@testable import DaybookServer

@Suite struct IndexStreamTests {
    @Test func aNameTellsWhatIsInAStream() {
        #expect(IndexStream("$streams")?.content == .streams)
        #expect(IndexStream("$ce-order")?.content == .category("order"))
        #expect(IndexStream("$category-order")?.content == .streamsOfCategory("order"))
        #expect(IndexStream("$et-Placed")?.content == .type("Placed"))
        #expect(IndexStream("$et-a-b")?.content == .type("a-b"))
        #expect(IndexStream("$et-$metadata")?.content == .type("$metadata"))
        let key = CorrelationKey(of: "7f-3")
        #expect(IndexStream("$bc-7f-3")?.content == key.map(IndexStream.Content.correlation))
        for name in ["$all", "$streamsx", "streams", "$ce", "$et", "$category", "ce-order", "$bc", "$$ce-order", ""] {
            #expect(IndexStream(name) == nil, "\(name)")
            #expect(!IndexStream.isName(name))
        }
    }

    @Test func someStreamsCannotHaveEvents() {
        for name in [
            "$ce-", "$ce-a-b", "$ce-$metadata", "$category-", "$category-$x", "$et-", "$bc-", "$et-$>", "$et-a\nb",
        ] {
            #expect(IndexStream(name)?.content == .nothing, "\(name)")
            #expect(IndexStream(name)?.filter == nil)
        }
    }

    @Test func namesAreComparedByteByByte() {
        #expect(IndexStream("$ce-\u{E9}") != IndexStream("$ce-e\u{301}"))
        #expect(IndexStream("$ce-\u{301}x")?.content == .category("\u{301}x"))
    }

    @Test func identifiersAreThoseOfAStreamAndAPosition() throws {
        func event(at position: Int64) -> RecordedEvent {
            RecordedEvent(
                id: EventID(), type: "Placed", schemaVersion: 1, contentType: .json, data: [], metadata: [], tags: [],
                stream: "order-1", version: 3, position: Position(position), recordedAt: Timestamp(microseconds: 5))
        }
        let orders = IndexStream.Links(of: try #require(IndexStream("$ce-order")))
        let placed = IndexStream.Links(of: try #require(IndexStream("$et-Placed")))
        var seen: Set<EventID> = []
        for position in Int64(1)...1_000 {
            for links in [orders, placed] {
                let link = links.link(to: event(at: position), revision: 0)
                #expect(seen.insert(link.event.id).inserted)
                #expect(link.event.id == links.link(to: event(at: position), revision: 7).event.id)
                #expect(link.event.id.high >> 12 & 0xF == 8 && link.event.id.low >> 62 == 0b10)
            }
        }
        let link = orders.link(to: event(at: 9), revision: 2)
        #expect(link.stream == "$ce-order" && link.type == "$>" && link.revision == 2 && link.position == 9)
        #expect(link.linkTarget?.revision == 3 && link.linkTarget?.stream == "order-1")
        #expect(!link.isJSON && link.event.metadata.isEmpty && link.event.recordedAt == Timestamp(microseconds: 5))
    }
}
