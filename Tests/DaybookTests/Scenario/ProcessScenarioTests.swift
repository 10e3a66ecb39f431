import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@Suite("A scenario of a process manager")
struct ProcessScenarioTests {
    @Test("passes when the process manager does as stated")
    func passes() {
        ProcessScenario(Fulfilment.self)
            .when(.placed(sale: "1"))
            .then(
                .record(.started(sale: "1")), .send(.reserve("1")), .setDeadline("payment", after: .seconds(60))
            )
            .thenState(Fulfilment.State(sale: "1", isOpen: true))
            .thenDeadlines("payment")
            .when(.paid(sale: "1"))
            .then(.cancelDeadline("payment"), .send(.ship("1")), .record(.finished))
            .thenDeadlines()
            .when(.paid(sale: "1")).thenNothing()
    }

    @Test("lets an open deadline pass, and takes rejections back")
    func answers() {
        ProcessScenario(Fulfilment.self)
            .given(.placed(sale: "1")).after(.seconds(60))
            .whenDeadline("payment")
            .then(.send(.release("1")), .record(.failed(reason: "not paid")))
            .thenState(Fulfilment.State(sale: "1", failure: "not paid"))
            .when(.paid(sale: "1")).thenNothing()
        ProcessScenario(Fulfilment.self)
            .given(.placed(sale: "1"))
            .whenRejected(.reserve("1"), reason: "empty")
            .then(.cancelDeadline("payment"), .record(.failed(reason: "empty")))
            .thenDeadlines()
    }

    @Test("records what was expected and what happened")
    func fails() {
        let scenario = ProcessScenario(Fulfilment.self).given(.placed(sale: "1"))
        let outcome = scenario.when(.paid(sale: "1"))
        expectIssue(saying: ["ship(\"2\")", "ship(\"1\")", "placed(sale: \"1\")"]) {
            outcome.then(.send(.ship("2")))
        }
        expectIssue(saying: ["nothing", "ship(\"1\")"]) { outcome.thenNothing() }
        expectIssue(saying: ["state of process '1'", "some: \"x\"", "failure: nil"]) {
            outcome.thenState(Fulfilment.State(sale: "1", failure: "x"))
        }
        expectIssue(saying: ["other deadlines", "payment", "nothing"]) { outcome.thenDeadlines("payment") }
        expectIssue(saying: ["refused", "ship(\"1\")"]) { outcome.thenRefused() }
    }

    @Test("lets nothing pass or be rejected that is not open or was not sent")
    func impossible() {
        let scenario = ProcessScenario(Fulfilment.self).given(.placed(sale: "1"))
        expectIssue(saying: ["'delivery' cannot pass", "'payment' of process '1'"]) {
            scenario.whenDeadline("delivery").thenNothing()
        }
        expectIssue(saying: ["'payment' cannot pass", "nothing"]) {
            scenario.given(.paid(sale: "1")).whenDeadline("payment").thenNothing()
        }
        expectIssue(saying: ["ship(\"1\") cannot be rejected", "reserve(\"1\") by process '1'"]) {
            scenario.whenRejected(.ship("1"), reason: "lost").thenNothing()
        }
        expectIssue(saying: ["reserve(\"1\") cannot be rejected", "already"]) {
            scenario.whenRejected(.reserve("1"), reason: "empty")
                .whenRejected(.reserve("1"), reason: "empty").thenNothing()
        }
    }

    @Test("keeps processes apart, and asks which one is meant")
    func several() {
        let scenario = ProcessScenario(Fulfilment.self).given(.placed(sale: "1"), .placed(sale: "2"))
        expectIssue(saying: ["'payment' is open in the processes [\"1\", \"2\"]"]) {
            scenario.whenDeadline("payment").thenNothing()
        }
        scenario.whenDeadline("payment", of: "2")
            .thenState(Fulfilment.State(sale: "2", failure: "not paid"))
            .thenState(Fulfilment.State(sale: "1", isOpen: true), of: "1")
        ProcessScenario(Tally.self).given(.placed(sale: "1")).when(.placed(sale: "2"))
            .then(.record(.counted), of: "all").thenState(2, of: "all").thenState(1, of: "2")
        expectIssue(saying: ["not clear", "[\"1\", \"all\"]"]) {
            ProcessScenario(Tally.self).when(.placed(sale: "1")).thenState(1)
        }
    }

    @Test("states that an input is refused")
    func refuses() {
        ProcessScenario(Fulfilment.self).when(.placed(sale: "unwanted")).thenRefused().thenRefused(reason: "Unwanted")
        expectIssue(saying: ["could not react", "Unwanted"]) {
            _ = ProcessScenario(Fulfilment.self).given(.placed(sale: "unwanted"))
        }
    }

    @Test("reckons deadlines from what is reacted to, not from when it is reacted to")
    func moments() {
        let outcome = ProcessScenario(Chain.self)
            .at(Timestamp(microseconds: 0)).given(.placed(sale: "1")).after(.seconds(100)).whenDeadline("a")
        #expect(
            outcome.then(.setDeadline("b", after: .seconds(5))).scenario.deadlines(of: "1") == [
                "b": Timestamp(microseconds: 15_000_000)
            ])
    }

    @Test("notices a process manager that is not a pure function")
    func impure() {
        expectIssue(saying: ["Whim does not react deterministically", "placed"]) {
            ProcessScenario(Whim.self).when(.placed(sale: "1")).thenState(0)
        }
    }

    @Test("notices commands that do not survive being written")
    func lossy() {
        expectIssue(saying: ["command", "of Shouting", "does not survive", "text: \"a\"", "text: \"A\""]) {
            ProcessScenario(Shouting.self).when(.placed(sale: "a")).thenState(0)
        }
    }

    @Test("notices a filter that keeps an input from its process")
    func filter() {
        expectIssue(saying: ["filter of Deaf", "paid", "[\"1\"]"]) {
            ProcessScenario(Deaf.self).given(.placed(sale: "1")).when(.paid(sale: "1")).thenNothing()
        }
    }
}

/// What the process managers below have in common.
private protocol Simple: ProcessManager where Input == SaleEvent, State == Int, Event == Tally.Event {}

extension Simple {
    static var category: DaybookCore.Category { "simple" }
    static var initialState: Int { 0 }
    static func processIDs(for input: SaleEvent, recorded: RecordedEvent) -> [String] { [input.sale] }
    static func react(
        toRejectionOf command: Command, reason: String, in state: Int
    ) -> [ProcessAction<Tally.Event, Command>] { [] }
    static func evolve(_ state: inout Int, with event: Tally.Event) { state += 1 }
}

/// Sets one deadline after the other.
private enum Chain: Simple {
    static func react(to input: SaleEvent, in state: Int) -> [ProcessAction<Tally.Event, String>] {
        [.setDeadline("a", after: .seconds(10))]
    }
    static func react(toDeadline name: String, in state: Int) -> [ProcessAction<Tally.Event, String>] {
        [.setDeadline("b", after: .seconds(5))]
    }
}

/// Sends another command each time it is asked.
private enum Whim: Simple {
    static let counter = Mutex(0)
    static func react(to input: SaleEvent, in state: Int) -> [ProcessAction<Tally.Event, Int>] {
        [
            .send(
                counter.withLock { counter in
                    counter += 1
                    return counter
                })
        ]
    }
}

/// Its commands are louder when they are read.
private enum Shouting: Simple {
    struct Shout: Codable, Equatable, Sendable {
        var text: String
        init(text: String) { self.text = text }
        init(from decoder: any Decoder) throws {
            text = try decoder.singleValueContainer().decode(String.self).uppercased()
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
    }
    static func react(to input: SaleEvent, in state: Int) -> [ProcessAction<Tally.Event, Shout>] {
        [.send(Shout(text: input.sale))]
    }
}

private enum Deaf: Simple {
    static var filter: EventFilter { EventFilter(types: ["sale.placed"]) }
    static func react(to input: SaleEvent, in state: Int) -> [ProcessAction<Tally.Event, String>] {
        [.record(.counted)]
    }
}
