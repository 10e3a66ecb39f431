import Daybook
import DaybookCore
import DaybookTesting
import Testing

@Suite("A union of events")
struct EventUnionTests {
    enum Parcel: DomainEvent, Equatable {
        static let typePrefix = "parcel"
        case sent(weight: Int)
    }

    enum Payment: DomainEvent, Equatable {
        static let typePrefix = "payment"
        case received(amount: Int)
    }

    enum Shop: EventUnion, Equatable {
        case parcel(Parcel)
        case payment(Payment)

        static let members = [EventUnionMember(Shop.parcel), EventUnionMember(Shop.payment)]
    }

    private func recorded(_ type: EventType, _ data: String) -> RecordedEvent {
        RecordedEvent(
            id: EventID(), type: type, schemaVersion: 1, contentType: .json, data: Array(data.utf8)[...],
            metadata: [], tags: [], stream: "shop-1", version: 0, position: 1,
            recordedAt: Timestamp(microseconds: 0))
    }

    @Test("reads each event as its own domain's")
    func reads() throws {
        let reader = Shop.makeReader()
        #expect(try reader.decode(recorded("parcel.sent", #"{"weight":3}"#)) == [.parcel(.sent(weight: 3))])
        #expect(try reader.decode(recorded("payment.received", #"{"amount":9}"#)) == [.payment(.received(amount: 9))])
    }

    @Test("asks the store for its members' events alone")
    func filters() {
        let filter = EventFilter(Shop.eventTypes)
        #expect(filter == EventFilter(typePrefixes: ["parcel.", "payment."]))
    }

    @Test("refuses events of no member, and says which")
    func refuses() {
        let error = #expect(throws: EventDecodingError.self) {
            try Shop.makeReader().decode(recorded("weather.changed", "{}"))
        }
        #expect(error?.cause == .unknownType)
        #expect(error?.type == "weather.changed")
    }
}
