import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@Suite("A scenario of a projection")
struct ProjectionScenarioTests {
    @Test("passes when the documents are as stated")
    func passes() {
        ProjectionScenario(Balances())
            .given(.deposited(amount: 10), .withdrawn(amount: 4), in: "account-1")
            .then("account-1", Balance(amount: 6, events: 2))
            .thenNone("account-2")
            .given(.deposited(amount: 1), in: "account-2")
            .given(.closed, in: "account-1")
            .thenDocuments(["account-2": Balance(amount: 1, events: 1), "total": Balance(amount: 7, events: 4)])
    }

    @Test("records what was expected and what happened")
    func fails() {
        let scenario = ProjectionScenario(Balances()).given(.deposited(amount: 10), in: "account-1")
        expectIssue(saying: ["'account-1'", "amount: 9", "amount: 10", "account-1: deposited(amount: 10)"]) {
            scenario.then("account-1", Balance(amount: 9, events: 1))
        }
        expectIssue(saying: ["'account-1'", "no document", "amount: 10"]) { scenario.thenNone("account-1") }
        expectIssue(saying: ["no document", "'total'"]) { scenario.thenDocuments([:]) }
    }

    @Test("states that an event is refused, and goes on without it")
    func refuses() {
        let scenario = ProjectionScenario(Balances(poison: 13)).given(.deposited(amount: 1), in: "account-1")
        scenario
            .thenRefuses(.deposited(amount: 13), in: "account-1")
            .thenRefuses(.deposited(amount: 13), in: "account-1", reason: "Unwanted")
            .then("account-1", Balance(amount: 1, events: 1))
        expectIssue(saying: ["expected to refuse", "amount: 12"]) {
            scenario.thenRefuses(.deposited(amount: 12), in: "account-1")
        }
        expectIssue(saying: ["another reason", "too much", "Unwanted"]) {
            scenario.thenRefuses(.deposited(amount: 13), in: "account-1", reason: "too much")
        }
        expectIssue(saying: ["could not take", "Unwanted"]) {
            scenario.given(.deposited(amount: 13), in: "account-1").then(
                "account-1", Balance(amount: 1, events: 1))
        }
    }

    @Test("gives each event the place, the time and the company that a store would")
    func places() {
        let start = Timestamp(microseconds: 0)
        ProjectionScenario(Places())
            .at(start).given(.deposited(amount: 1), in: "account-1", metadata: EventMetadata(actor: "clerk"))
            .after(.seconds(2))
            .given(.deposited(amount: 2), .closed, in: "account-1", tags: ["owner:7"])
            .given(.deposited(amount: 3), in: "account-2")
            .thenDocuments([
                "1": "account-1 0 clerk [] \(start)",
                "2": "account-1 1  [owner:7] \(start.advanced(by: .seconds(2)))",
                "3": "account-1 2  [owner:7] \(start.advanced(by: .seconds(2)))",
                "4": "account-2 0  [] \(start.advanced(by: .seconds(2)))",
            ])
    }

    @Test("takes the events of a union, and bytes as they were recorded")
    func union() {
        ProjectionScenario(Takings())
            .given(.account(.deposited(amount: 2)), .sale(event: .paid(sale: "1")), in: "shop")
            .given(NewEvent(type: "account.withdrawn", data: Array(#"{"amount":1}"#.utf8)), in: "shop")
            .then("all", ["deposited(amount: 2)", "paid(sale: \"1\")", "withdrawn(amount: 1)"])
        expectIssue(saying: ["'account.frozen'", "no case of AccountEvent"]) {
            ProjectionScenario(Takings())
                .given(NewEvent(type: "account.frozen", data: Array("{}".utf8)), in: "shop").thenNone("all")
        }
    }

    @Test("notices a projection that depends on more than the events")
    func impure() {
        expectIssue(saying: ["Impure.apply is not deterministic", "deposited", "'a'"]) {
            ProjectionScenario(Impure(key: "a")).given(.deposited(amount: 1), in: "account-1").thenNone("b")
        }
        expectIssue(saying: ["Impure.keys is not deterministic", "deposited"]) {
            ProjectionScenario(Impure(key: nil)).given(.deposited(amount: 1), in: "account-1").thenNone("b")
        }
    }

    @Test("notices documents and events that do not survive being written")
    func lossy() {
        expectIssue(saying: ["'all' of Forgetful", "survive", "text: \"now\"", "text: \"\""]) {
            ProjectionScenario(Forgetful()).given(.noted(Note(text: "now")), in: "note-1")
                .then("all", Note(text: ""))
        }
    }

    @Test("notices a filter that keeps an event from its documents")
    func filters() {
        expectIssue(saying: ["filter of Narrow", "closed", "[\"all\"]"]) {
            ProjectionScenario(Narrow(types: ["account.deposited"]))
                .given(.deposited(amount: 1), .closed, in: "account-1").then("all", 1)
        }
        expectIssue(saying: ["filter of Narrow for key 'all'", "account-2"]) {
            ProjectionScenario(Narrow(types: [], keyStreams: ["account-1"]))
                .given(.closed, in: "account-1").given(.closed, in: "account-2").then("all", 2)
        }
    }
}

/// Where each event stands.
private struct Places: Projection {
    let name: ReadModelName = "places"

    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { ["\(recorded.position)"] }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout String?) throws {
        let actor = try EventMetadata(decoding: recorded.metadata).actor ?? ""
        document = "\(recorded.stream) \(recorded.version) \(actor) \(recorded.tags) \(recorded.recordedAt)"
    }
}

private struct Takings: Projection {
    enum Event: EventUnion {
        case account(AccountEvent)
        case sale(event: SaleEvent)
        static let members = [EventUnionMember(Event.account), EventUnionMember(Event.sale(event:))]
    }

    let name: ReadModelName = "takings"

    func keys(for event: Event, recorded: RecordedEvent) -> [String] { ["all"] }

    func apply(_ event: Event, recorded: RecordedEvent, key: String, to document: inout [String]?) {
        switch event {
        case .account(let event): document = (document ?? []) + ["\(event)"]
        case .sale(let event): document = (document ?? []) + ["\(event)"]
        }
    }
}

/// Counts how often it is asked, which nothing recorded tells.
private struct Impure: Projection {
    private static let asked = Mutex(0)
    let name: ReadModelName = "impure"
    /// The counter when nil.
    let key: String?

    private static func count() -> Int {
        asked.withLock { asked in
            asked += 1
            return asked
        }
    }

    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [key ?? "\(Self.count())"] }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
        document = self.key == nil ? 0 : Self.count()
    }
}

private struct Note: Codable, Equatable, Sendable {
    var text: String
    init(text: String) { self.text = text }
    init(from decoder: any Decoder) throws { text = "" }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// Its notes are empty once they are read.
private struct Forgetful: Projection {
    enum Event: DomainEvent {
        case noted(Note)
        var text: String { if case .noted(let note) = self { note.text } else { "" } }
    }

    let name: ReadModelName = "forgetful"

    func keys(for event: Event, recorded: RecordedEvent) -> [String] { ["all"] }

    func apply(_ event: Event, recorded: RecordedEvent, key: String, to document: inout Note?) {
        document = Note(text: "now")
    }
}

private struct Narrow: Projection {
    let name: ReadModelName = "narrow"
    let types: Set<EventType>
    var keyStreams: Set<String> = []

    var filter: EventFilter { EventFilter(types: types) }
    func filter(for key: String) -> EventFilter { EventFilter(streamPrefixes: keyStreams, types: types) }
    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { ["all"] }
    func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
        document = (document ?? 0) + 1
    }
}
