import Daybook
import DaybookCore
import Testing

@Suite("Downcasters")
struct DowncastTests {
    struct NotInEuro: Error {}

    enum Account: DomainEvent, Equatable {
        case deposited(cents: Int, currency: String)
        case closed

        static let typePrefix = "account"
        static func schemaVersion(of type: EventType) -> UInt32 { type == "account.deposited" ? 3 : 1 }
        static let upcasters: [Upcaster] = [
            .change("account.deposited", from: 1) { data in
                guard case .integer(let euros)? = data.removeValue(forKey: "amount") else { throw NotInEuro() }
                data["cents"] = .integer(euros * 100)
            },
            .change("account.deposited", from: 2) { $0["currency"] = "EUR" },
            .split("account.moved") { data in
                let cents = data["cents"] ?? 0
                return [
                    Upcaster.Event("account.deposited", schemaVersion: 2, data: ["cents": cents]),
                    Upcaster.Event("account.closed", data: [:]),
                ]
            },
        ]
        static let downcasters: [Downcaster] = [
            Downcaster("account.deposited", from: 3) { data in
                guard data.removeValue(forKey: "currency") == "EUR" else { throw NotInEuro() }
            }
        ]
    }

    private func recorded(_ type: EventType, _ version: UInt32, _ data: String) -> RecordedEvent {
        RecordedEvent(
            id: EventID(), type: type, schemaVersion: version, contentType: .json, data: Array(data.utf8)[...],
            metadata: [], tags: [], stream: "account-1", version: 0, position: 7,
            recordedAt: Timestamp(microseconds: 0))
    }

    private func lines(_ downcast: Downcast<Account>, _ event: RecordedEvent) throws -> [String] {
        try downcast.events(of: event).map {
            "\($0.type) \($0.schemaVersion) \(String(decoding: $0.data, as: UTF8.self))"
        }
    }

    @Test("lower events to what a reader understands, whatever version they were recorded in")
    func lower() throws {
        let two = Downcast<Account>(to: ["account.deposited": 2])
        let today = recorded("account.deposited", 3, #"{"cents":5,"currency":"EUR"}"#)
        #expect(try lines(two, today) == [#"account.deposited 2 {"cents":5}"#])
        #expect(
            try lines(two, recorded("account.deposited", 1, #"{"amount":7}"#)) == [
                #"account.deposited 2 {"cents":700}"#
            ])
        #expect(
            try lines(two, recorded("account.moved", 1, #"{"cents":3}"#)) == [
                #"account.deposited 2 {"cents":3}"#, "account.closed 1 {}",
            ])
        #expect(
            try lines(Downcast(to: [:]), today) == [#"account.deposited 3 {"cents":5,"currency":"EUR"}"#])
        #expect(try lines(Downcast(to: ["account.deposited": 9]), today).count == 1)
    }

    @Test("leave out nothing: what an older shape cannot say is an error")
    func errors() throws {
        let dollars = recorded("account.deposited", 3, #"{"cents":5,"currency":"USD"}"#)
        #expect(
            throws: DowncastError.notExpressible(
                type: "account.deposited", version: 2, position: 7, reason: "NotInEuro()")
        ) { try Downcast<Account>(to: ["account.deposited": 2]).events(of: dollars) }
        #expect(throws: DowncastError.noDowncaster(type: "account.deposited", from: 2, position: 7)) {
            try Downcast<Account>(to: ["account.deposited": 1]).events(
                of: recorded("account.deposited", 2, #"{"cents":5}"#))
        }
        for event in [recorded("account.deposited", 3, "{}"), recorded("account.frozen", 1, "{}")] {
            #expect(throws: DowncastError.self) { try Downcast<Account>(to: [:]).events(of: event) }
        }
    }
}
