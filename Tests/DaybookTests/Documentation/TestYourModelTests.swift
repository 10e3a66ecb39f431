import Daybook
import DaybookCore
import DaybookTesting
import Foundation
import Testing

// The samples of "Test your model" stand here between marks; `scripts/check-samples` compares them with the article.

// sample: process
/// Asks after a car that has stood in the garage for a day.
enum LongStay: ProcessManager {
    enum Event: DomainEvent, Equatable {
        static let typePrefix = "longStay"
        case asked(plate: String)
    }
    enum Command: Codable, Sendable, Equatable {
        case ask(plate: String)
    }

    static let category: DaybookCore.Category = "longStay"
    static let initialState: String? = nil

    static func processIDs(for input: GarageEvent, recorded: RecordedEvent) -> [String] {
        switch input {
        case .opened: []
        case .carEntered(let plate), .carLeft(let plate): [plate]
        }
    }

    static func react(to input: GarageEvent, in state: String?) -> [ProcessAction<Event, Command>] {
        switch input {
        case .opened: []
        case .carEntered(let plate): [.setDeadline(plate, after: .seconds(86_400))]
        case .carLeft(let plate): [.cancelDeadline(plate)]
        }
    }

    static func react(toDeadline plate: String, in state: String?) -> [ProcessAction<Event, Command>] {
        [.send(.ask(plate: plate)), .record(.asked(plate: plate))]
    }

    static func react(
        toRejectionOf command: Command, reason: String, in state: String?
    ) -> [ProcessAction<Event, Command>] { [] }

    static func evolve(_ state: inout String?, with event: Event) {
        switch event {
        case .asked(let plate): state = plate
        }
    }
}
// end of sample

@Suite("Testing the garage")
struct TestYourModelTests {
    // sample: decider scenario
    @Test("lets a car in when another has left")
    func place() {
        Scenario(Garage.self)
            .given(.opened(places: 1), .carEntered(plate: "B-XY 1"), .carLeft(plate: "B-XY 1"))
            .when(.enter(plate: "B-XY 2"))
            .then(.carEntered(plate: "B-XY 2"))
    }
    // end of sample

    // sample: projection scenario
    @Test("counts how often each car came")
    func visits() {
        ProjectionScenario(Visits())
            .given(.carEntered(plate: "B-XY 1"), .carLeft(plate: "B-XY 1"), in: "garage-centre")
            .given(.carEntered(plate: "B-XY 1"), in: "garage-north")
            .then("B-XY 1", Visits.Visitor(count: 2))
            .thenNone("B-XY 2")
    }
    // end of sample

    // sample: process scenario
    @Test("asks after a car that has stood for a day, and not after one that has left")
    func longStay() {
        ProcessScenario(LongStay.self)
            .given(.carEntered(plate: "B-XY 1"))
            .whenDeadline("B-XY 1")
            .then(.send(.ask(plate: "B-XY 1")), .record(.asked(plate: "B-XY 1")))
            .thenState("B-XY 1")
        ProcessScenario(LongStay.self)
            .given(.carEntered(plate: "B-XY 2"))
            .when(.carLeft(plate: "B-XY 2"))
            .thenDeadlines()
    }
    // end of sample

    // sample: clock
    @Test("asks after a day", .timeLimit(.minutes(1)))
    func day() async throws {
        let clock = DrivenClock()
        let store = InMemoryEventStore(time: clock.time.source)
        let garages = CommandHandler(Garage.self, in: store, category: "garage")
        try await garages.handle([.open(places: 9), .enter(plate: "B-XY 1")], id: "centre")

        let (asked, signal) = AsyncStream.makeStream(of: LongStay.Command.self)
        let runner = ProcessRunner(
            LongStay.self, of: store, in: store, time: clock.time.source, clock: clock
        ) { command, id in
            signal.yield(command)
        }
        let running = Task { try await runner.run() }
        // The time goes on whenever the runner sleeps.
        let ticking = Task {
            while true {
                try await clock.wait(forSleepers: 1)
                clock.advance(by: .seconds(3600))
            }
        }
        for await command in asked {
            #expect(command == .ask(plate: "B-XY 1"))
            break
        }
        ticking.cancel()
        running.cancel()
        try await running.value
        #expect(clock.now.offset >= .seconds(86_400))
    }
    // end of sample

    // sample: handler
    @Test("counts each visit once, however often and in which order it is told of it")
    func counter() async {
        await HandlerTorture(in: { InMemoryEventStore() }) { store, event in
            guard event.type == "garage.carEntered" else { return }
            try await Inbox("counter", model: "counter", in: store).once(event) { documents in
                let old = try await documents.document("visits")
                let count = old.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
                try documents.set(Array(String(count + 1).utf8), for: "visits")
            }
        } observing: { store in
            try await store.document("visits", of: "counter")
        }
        .recording(GarageEvent.carEntered(plate: "B-XY 1"), GarageEvent.carLeft(plate: "B-XY 1"), to: "garage-centre")
        .recording(GarageEvent.carEntered(plate: "B-XY 1"), to: "garage-north")
        .check(seeds: TestSeeds.first(200))
    }
    // end of sample

    // sample: system
    @Test("counts each visit once, whatever crashes when")
    func system() async {
        await SystemTorture { store in
            _ = try await ProjectionRunner(Visits(), of: store, in: store).catchUp()
        } observing: { store in
            try await ReadModel(Visits(), of: store, in: store).document("B-XY 1")
        }
        .recording(GarageEvent.carEntered(plate: "B-XY 1"), GarageEvent.carLeft(plate: "B-XY 1"), to: "garage-centre")
        .recording(GarageEvent.carEntered(plate: "B-XY 1"), to: "garage-north")
        .check(seeds: TestSeeds.first(200))
    }
    // end of sample

    // sample: kept
    @Test("counts a visit once when the reply to a commit is lost")
    func lostReply() async {
        await SystemTorture { store in
            _ = try await ProjectionRunner(Visits(), of: store, in: store).catchUp()
        } observing: { store in
            try await ReadModel(Visits(), of: store, in: store).document("B-XY 1")
        }
        .recording(GarageEvent.carEntered(plate: "B-XY 1"), to: "garage-centre")
        .check(.crashAfter(change: 1))
    }
    // end of sample
}
