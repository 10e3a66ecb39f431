import Daybook
import DaybookCore
import Testing

// The samples of "Run a process of several steps" stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The guide to processes", .timeLimit(.minutes(1)))
struct RunAProcessTests {
    @Test("runs")
    func processes() async throws {
        typealias Fulfilment = ProcessSamples.Fulfilment
        let store = InMemoryEventStore()
        let stock = CommandHandler(ProcessSamples.Stock.self, in: store, category: "stock")
        let encoded = try JSONEventCodec<ProcessSamples.OrderEvent>().encode(.placed(order: "7"))
        try await store.append([NewEvent(encoded)], to: "order-7")
        let running = Task {
            // sample: run a process
            let runner = ProcessRunner(Fulfilment.self, of: store, in: store) { command, id in
                try await stock.handle(command, id: "1", commandID: id)
            }
            try await runner.run()
            // end of sample
        }
        while try await stock.state(of: "1").version == nil { await Task.yield() }
        running.cancel()
        try await running.value

        let runner = ProcessRunner(Fulfilment.self, of: store, in: store) { command, id in
            try await stock.handle(command, id: "1", commandID: id)
        }
        let before = try await stock.state(of: "1").version
        let paid = try JSONEventCodec<ProcessSamples.OrderEvent>().encode(.paid(order: "7"))
        try await store.append([NewEvent(paid)], to: "order-7")
        let sharing = Task {
            // sample: share a process
            try await runner.run(electing: LeaderElection("fulfilment", in: store, lease: .seconds(10)))
            // end of sample
        }
        while try await stock.state(of: "1").version == before { await Task.yield() }
        sharing.cancel()
        try await sharing.value
    }
}

enum ProcessSamples {
    enum OrderEvent: DomainEvent {
        case placed(order: String)
        case paid(order: String)
        static let typePrefix = "order"
        var order: String {
            switch self {
            case .placed(let order), .paid(let order): order
            }
        }
    }

    enum StockCommand: Codable, Sendable {
        case reserve(String)
        case ship(String)
        case release(String)
    }

    enum Stock: Decider {
        enum Event: DomainEvent {
            case moved(String)
            static let typePrefix = "stock"
        }
        enum Rejection: Error { case never }
        static let initialState = 0
        static func decide(_ command: StockCommand, in state: Int) throws(Rejection) -> [Event] {
            switch command {
            case .reserve(let order), .ship(let order), .release(let order): [.moved(order)]
            }
        }
        static func evolve(_ state: inout Int, with event: Event) { state += 1 }
    }

    // sample: write a process
    enum Fulfilment: ProcessManager {
        enum Event: DomainEvent {
            case started(order: String)
            case finished
            case failed(reason: String)
            static let typePrefix = "fulfilment"
        }
        struct State {
            var order = ""
            var isOpen = false
        }

        static let category: DaybookCore.Category = "fulfilment"
        static let initialState = State()

        static func processIDs(for input: OrderEvent, recorded: RecordedEvent) -> [String] { [input.order] }

        static func react(to input: OrderEvent, in state: State) -> [ProcessAction<Event, StockCommand>] {
            switch input {
            case .placed(let order):
                [
                    .record(.started(order: order)), .send(.reserve(order)),
                    .setDeadline("payment", after: .seconds(900)),
                ]
            case .paid(let order):
                state.isOpen ? [.cancelDeadline("payment"), .send(.ship(order)), .record(.finished)] : []
            }
        }

        static func react(toDeadline name: String, in state: State) -> [ProcessAction<Event, StockCommand>] {
            state.isOpen ? [.send(.release(state.order)), .record(.failed(reason: "not paid"))] : []
        }

        static func react(
            toRejectionOf command: StockCommand, reason: String, in state: State
        ) -> [ProcessAction<Event, StockCommand>] {
            [.cancelDeadline("payment"), .record(.failed(reason: reason))]
        }

        static func evolve(_ state: inout State, with event: Event) {
            switch event {
            case .started(let order): state = State(order: order, isOpen: true)
            case .finished, .failed: state.isOpen = false
            }
        }
    }
    // end of sample
}
