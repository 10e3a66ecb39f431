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

    private func recorded(_ type: EventType, _ data: String, in stream: StreamName = "shop-1") -> RecordedEvent {
        RecordedEvent(
            id: EventID(), type: type, schemaVersion: 1, contentType: .json, data: Array(data.utf8)[...],
            metadata: [], tags: [], stream: stream, version: 0, position: 1,
            recordedAt: Timestamp(microseconds: 0))
    }

    @Test("reads each event as its own domain's")
    func reads() throws {
        let reader = Shop.makeReader()
        #expect(try reader.decode(recorded("parcel.sent", #"{"weight":3}"#)) == [.parcel(.sent(weight: 3))])
        #expect(try reader.decode(recorded("payment.received", #"{"amount":9}"#)) == [.payment(.received(amount: 9))])
    }

    struct Pay: Codable, Sendable, Equatable { var amount: Int }
    struct Ship: Codable, Sendable, Equatable { var address: String }
    enum Wanted: EventUnion {
        case pay(CommandRecord<Pay>)
        case ship(CommandRecord<Ship>)

        static let members = [
            EventUnionMember(Wanted.pay, in: "cash_commands"), EventUnionMember(Wanted.ship, in: "stock_commands"),
        ]
    }

    @Test("tells events of one type apart by the category of their streams")
    func categories() throws {
        func read(_ data: String, in stream: StreamName) throws -> [Wanted] {
            try Wanted.makeReader().decode(
                recorded("command.carriedOut", #"{"command":\#(data),"events":1}"#, in: stream))
        }
        guard case .pay(.carriedOut(Pay(amount: 3), nil, 1))? = try read(#"{"amount":3}"#, in: "cash_commands-1").first,
            case .ship(.carriedOut(Ship(address: "x"), nil, 1))? =
                try read(#"{"address":"x"}"#, in: "stock_commands-1").first
        else {
            Issue.record("read as another member")
            return
        }
        let error = #expect(throws: EventDecodingError.self) { try read("{}", in: "order_commands-1") }
        #expect(error?.cause == .unknownType)
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
