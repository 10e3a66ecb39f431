import Daybook
import DaybookCore
import DaybookTesting
import Testing

// The samples of "Write your first decider" stand here between marks; `scripts/check-samples` compares them with the article.

// sample: events
/// What happens to a parking garage.
enum GarageEvent: DomainEvent, Equatable {
    static let typePrefix = "garage"

    case opened(places: Int)
    case carEntered(plate: String)
    case carLeft(plate: String)
}
// end of sample

// sample: decider
/// A parking garage, which lets no more cars in than it has places.
enum Garage: Decider {
    struct State: Sendable, Equatable {
        var places = 0
        var cars: Set<String> = []
    }

    enum Command: Sendable {
        case open(places: Int)
        case enter(plate: String)
        case leave(plate: String)
    }

    enum Rejection: Error, Equatable {
        case alreadyOpen
        case full(places: Int)
        case notInside(plate: String)
    }

    static let initialState = State()

    static func decide(_ command: Command, in state: State) throws(Rejection) -> [GarageEvent] {
        switch command {
        case .open(let places):
            guard state.places == 0 else { throw .alreadyOpen }
            return [.opened(places: places)]
        case .enter(let plate) where state.cars.contains(plate):
            return []  // The gate asked twice: the car is inside already.
        case .enter(let plate):
            guard state.cars.count < state.places else { throw .full(places: state.places) }
            return [.carEntered(plate: plate)]
        case .leave(let plate):
            guard state.cars.contains(plate) else { throw .notInside(plate: plate) }
            return [.carLeft(plate: plate)]
        }
    }

    static func evolve(_ state: inout State, with event: GarageEvent) {
        switch event {
        case .opened(let places): state.places = places
        case .carEntered(let plate): state.cars.insert(plate)
        case .carLeft(let plate): state.cars.remove(plate)
        }
    }
}
// end of sample

// sample: projection
/// How often each car came, for the garage's best customers.
struct Visits: Projection {
    struct Visitor: Codable, Sendable, Equatable {
        var count: Int
    }

    let name: ReadModelName = "visits"

    func keys(for event: GarageEvent, recorded: RecordedEvent) -> [String] {
        if case .carEntered(let plate) = event { [plate] } else { [] }
    }

    func apply(_ event: GarageEvent, recorded: RecordedEvent, key: String, to document: inout Visitor?) {
        document = Visitor(count: (document?.count ?? 0) + 1)
    }
}
// end of sample

@Suite("The first decider")
struct FirstDeciderTests {
    // sample: test
    @Test("lets no car into a full garage")
    func full() {
        Scenario(Garage.self)
            .given(.opened(places: 1), .carEntered(plate: "B-XY 1"))
            .when(.enter(plate: "B-XY 2"))
            .thenRejected(.full(places: 1))
    }
    // end of sample

    @Test("runs on a store")
    func runs() async throws {
        // sample: run
        let store = InMemoryEventStore()
        let garages = CommandHandler(Garage.self, in: store, category: "garage")

        try await garages.handle(.open(places: 100), id: "centre")
        let receipt = try await CommandContext.with(actor: "gate-3") {
            try await garages.handle(.enter(plate: "B-XY 1"), id: "centre", commandID: "ticket-4711")
        }
        let again = try await garages.handle(.enter(plate: "B-XY 1"), id: "centre", commandID: "ticket-4711")
        // again.isRepeat == true: the gate's retry had no second effect.

        let now = try await garages.state(of: "centre").state
        let before = try await garages.state(of: "centre", asOf: .version(0)).state
        // end of sample
        #expect(receipt.version == 1 && again.isRepeat && again.version == 1)
        #expect(now.cars == ["B-XY 1"] && before.cars.isEmpty && before.places == 100)

        // sample: read model
        let runner = ProjectionRunner(Visits(), of: store, in: store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await runner.readModel.wait(for: receipt.position)
            let visitor = try await runner.readModel.document("B-XY 1")
            print(visitor?.count ?? 0)  // 1
            group.cancelAll()
        }
        // end of sample
        #expect(try await runner.readModel.document("B-XY 1") == Visits.Visitor(count: 1))
    }
}
