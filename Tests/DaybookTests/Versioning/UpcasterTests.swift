import Daybook
import DaybookCore
import DaybookTesting
import Foundation
import Testing

@Suite("Upcasters")
struct UpcasterTests {
    /// An account as it is written today; `created`, `pinged` and `moved` were written once, and deposits in two
    /// shapes before this one.
    enum Account: Decider {
        struct State: Codable, Sendable, Equatable {
            var owner = ""
            var amounts: [String: Int] = [:]
            var events = 0
        }
        enum Event: DomainEvent, Equatable {
            case opened(owner: String)
            case deposited(cents: Int, currency: String)
            case withdrawn(cents: Int, currency: String)

            static let typePrefix = "account"
            static func schemaVersion(of type: EventType) -> UInt32 { type == "account.deposited" ? 3 : 1 }
            static let upcasters: [Upcaster] = [
                .change("account.deposited", from: 1) { data in
                    guard case .integer(let euros)? = data.removeValue(forKey: "amount") else {
                        throw NoAmount()
                    }
                    data["cents"] = .integer(euros * 100)
                },
                .change("account.deposited", from: 2) { $0["currency"] = "EUR" },
                .rename("customer.created", to: "account.opened"),
                .split("account.moved") { data in
                    let cents = data["cents"] ?? 0
                    return [
                        Upcaster.Event("account.withdrawn", data: ["cents": cents, "currency": "EUR"]),
                        Upcaster.Event("account.deposited", schemaVersion: 2, data: ["cents": cents]),
                    ]
                },
                .drop("account.pinged"),
                .rename("account.looped", to: "account.circling"), .rename("account.circling", to: "account.looped"),
                .rename("account.vanished", to: "account.nowhere"),
                .rename("account.outpaced", to: "account.deposited", schemaVersion: 5),
                .rename("account.misshapen", to: "account.opened"),
                .drop("account.disputed"), .rename("account.disputed", to: "account.opened"),
            ]
        }
        enum Rejection: Error { case never }
        static let initialState = State()
        static func decide(_ command: Event, in state: State) throws(Rejection) -> [Event] { [command] }
        static func evolve(_ state: inout State, with event: Event) {
            state.events += 1
            switch event {
            case .opened(let owner): state.owner = owner
            case .deposited(let cents, let currency): state.amounts[currency, default: 0] += cents
            case .withdrawn(let cents, let currency): state.amounts[currency, default: 0] -= cents
            }
        }
    }

    struct NoAmount: Error {}

    struct Amounts: Projection {
        let name: ReadModelName = "amounts"
        func keys(for event: Account.Event, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
        func keys(forUnreadable recorded: RecordedEvent) -> [String]? { [recorded.stream.rawValue] }
        func apply(
            _ event: Account.Event, recorded: RecordedEvent, key: String, to document: inout Account.State?
        ) {
            var state = document ?? Account.initialState
            Account.evolve(&state, with: event)
            document = state
        }
    }

    static func old(_ type: EventType, _ version: UInt32, _ data: String) -> NewEvent {
        NewEvent(type: type, schemaVersion: version, data: Array(data.utf8))
    }

    static let history: [(NewEvent, [Account.Event])] = [
        (old("customer.created", 1, #"{"owner":"Ada"}"#), [.opened(owner: "Ada")]),
        (old("account.deposited", 1, #"{"amount":3}"#), [.deposited(cents: 300, currency: "EUR")]),
        (old("account.pinged", 1, "{}"), []),
        (old("account.deposited", 2, #"{"cents":25}"#), [.deposited(cents: 25, currency: "EUR")]),
        (
            old("account.moved", 1, #"{"cents":40}"#),
            [.withdrawn(cents: 40, currency: "EUR"), .deposited(cents: 40, currency: "EUR")]
        ),
        (
            old("account.deposited", 3, #"{"cents":7,"currency":"USD"}"#), [.deposited(cents: 7, currency: "USD")]
        ),
    ]

    /// What the history comes to.
    static let folded = Account.State(owner: "Ada", amounts: ["EUR": 325, "USD": 7], events: 6)

    private func error(_ event: NewEvent) async throws -> EventDecodingError? {
        let store = InMemoryEventStore()
        try await store.append([event], to: "account-1")
        let page = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: 1)
        return #expect(throws: EventDecodingError.self) { try Account.Event.makeReader().decode(page.events[0]) }
    }

    @Test("lift, rename, split and drop on every way of reading", arguments: TestStore.all)
    func everyWay(_ make: TestStore) async throws {
        let store = try await make.make()
        let snapshots = try #require(store as? any SnapshotStore)
        try await store.append(Self.history.map(\.0), to: "account-1")
        let reader = Account.Event.makeReader()
        var read: [[Account.Event]] = []
        for try await event in store.events(filter: EventFilter(Account.Event.eventTypes)) {
            read.append(try reader.decode(event))
        }
        #expect(read == Self.history.map(\.1))
        let expected = Self.folded
        let handler = CommandHandler(
            Account.self, in: store, category: "account", snapshots: .every(2), keptIn: snapshots, cache: .none)
        #expect(try await handler.state(of: "1").state == expected)
        let receipt = try await handler.handle(.opened(owner: "Bo"), id: "1")
        await handler.finishSnapshots()
        let runner = ProjectionRunner(Amounts(), of: store, in: store)
        _ = try await runner.catchUp()
        let last = Account.State(owner: "Bo", amounts: expected.amounts, events: 7)
        #expect(try await runner.readModel.document("account-1") == last)
        #expect(try await handler.state(of: "1").state == last)
        #expect(receipt.version == 6)
    }

    @Test("make the same of old events as a program that had written them today", arguments: TestSeeds.first(20))
    func sameAsNew(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let (old, new) = (InMemoryEventStore(), InMemoryEventStore())
        let handlers = [old, new].map { CommandHandler(Account.self, in: $0, category: "account", cache: .none) }
        for _ in 0..<40 {
            var (event, today) = Self.history[Int.random(in: 0..<Self.history.count, using: &random)]
            event.id = EventID()
            try await old.append([event], to: "account-1")
            if !today.isEmpty { try await handlers[1].handle(today, id: "1") }
        }
        let states = try await (handlers[0].state(of: "1").state, handlers[1].state(of: "1").state)
        #expect(states.0 == states.1, "seed \(seed)")
    }

    @Test("that fail, or lead nowhere, stop the reader with the event's place")
    func failures() async throws {
        let thrown = try await error(Self.old("account.deposited", 1, #"{"sum":3}"#))
        guard case .notLifted(let reason)? = thrown?.cause else {
            Issue.record("\(String(describing: thrown))")
            return
        }
        #expect(reason.contains("from version 1 of 'account.deposited' threw"), "\(reason)")
        #expect(thrown?.position == 1)
        let circle = try await error(Self.old("account.looped", 1, "{}"))
        #expect(circle?.description.contains("circle") == true, "\(String(describing: circle))")
        let list = try await error(Self.old("account.moved", 1, "[]"))
        #expect(list?.description.contains("no JSON object") == true, "\(String(describing: list))")
        #expect(try await error(Self.old("account.deposited", 4, "{}"))?.cause == .newerSchema(known: 3))
        #expect(try await error(Self.old("customer.created", 2, "{}"))?.cause == .unknownType)
    }

    @Test(
        "that lead to what the enum does not have say where they lead",
        arguments: [
            ("account.vanished", "{}", "version 1 of 'account.nowhere', which is no case of Event"),
            ("account.outpaced", "{}", "version 5 of 'account.deposited', of which Event knows up to version 3"),
            ("account.misshapen", "{}", "version 1 of 'account.opened', and the data does not have its shape"),
            ("account.disputed", "{}", "two upcasters apply to version 1 of 'account.disputed'"),
            ("account.moved", #"{"cents":1"#, "no JSON object"), ("account.moved", "7", "no JSON object"),
        ])
    func deadEnds(type: EventType, data: String, reason: String) async throws {
        let thrown = try await error(Self.old(type, 1, data))
        guard case .notLifted(let text)? = thrown?.cause else {
            Issue.record("\(String(describing: thrown))")
            return
        }
        #expect(text.contains(reason))
        #expect(thrown?.type == type)
    }

    @Test(
        "leave values as they are",
        arguments: [
            "-0.0", "-0", "1.0", "1e2", "1E+2", "0.10", "1e400", "12345678901234567890.123456789",
            "123456789012345678901234567890123456789012345", "9223372036854775807", "-9223372036854775808",
            "9223372036854775808", "null", "true", "[1,[2.50,{}],\"\"]", #""\u0000é\"\\/""#, #"{"":{"a":[]}}"#,
        ])
    func values(text: String) throws {
        let value = try JSONValue(parsing: text.utf8)
        #expect(String(decoding: value.bytes, as: UTF8.self) == text)
        #expect(try JSONValue(parsing: value.bytes) == value)
    }

    @Test("leave numbers as they are", arguments: TestSeeds.first(20))
    func numbers(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let double = Double(bitPattern: .random(in: .min ... .max, using: &random))
            for value in [double, .random(in: -1e6...1e6, using: &random), 0.1, 1e300] where value.isFinite {
                let number = try #require(JSONNumber(value))
                let text = JSONValue.array([.number(number)]).bytes
                #expect(try JSONDecoder().decode([Double].self, from: Data(text)) == [value], "seed \(seed)")
                #expect(number.double == value, "seed \(seed)")
            }
            let integer = Int64.random(in: .min ... .max, using: &random)
            #expect(try JSONValue(parsing: "\(integer)".utf8) == .integer(integer), "seed \(seed)")
        }
        #expect(JSONNumber("1.") == nil && JSONNumber(" 1") == nil && JSONNumber(.infinity) == nil)
        #expect(JSONNumber("12.340")?.decimal == Decimal(string: "12.34"))
    }

    @Test("take of a repeated key what an event that is not lifted takes")
    func repeatedKey() throws {
        let text = Data(#"{"a":1,"a":2}"#.utf8)
        let plain = try JSONDecoder().decode([String: Int64].self, from: text)
        #expect(try JSONValue(parsing: text) == .object(plain.mapValues { .integer($0) }))
        struct Fields: Decodable { var a: Int64 }
        #expect(try JSONDecoder().decode(Fields.self, from: text).a == plain["a"])
    }

    @Test("of a whole log are reported by kind and position", arguments: TestStore.all)
    func report(_ make: TestStore) async throws {
        let store = try await make.make()
        try await store.append(Self.history.map(\.0), to: "account-1")
        let clean = try await DecodingReport(reading: Account.Event.self, from: store)
        #expect(clean.isClean)
        #expect(clean.eventCounts.values.reduce(0, +) == 6)
        try await store.append([NewEvent(type: "weather.changed", data: [])], to: "weather-1")
        try await store.append(
            [
                Self.old("account.deposited", 9, "{}"), Self.old("account.closed", 1, "{}"),
                Self.old("account.closed", 1, "{}"),
            ], to: "account-2")
        let report = try await DecodingReport(reading: Account.Event.self, from: store, keepingFirst: 2)
        #expect(!report.isClean)
        #expect(
            report.failureCounts == [
                DecodingReport.Kind(type: "account.deposited", schemaVersion: 9): 1,
                DecodingReport.Kind(type: "account.closed", schemaVersion: 1): 2,
            ])
        #expect(report.failures.map(\.position) == [8, 9])
    }
}
