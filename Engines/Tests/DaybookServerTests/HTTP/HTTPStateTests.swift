import Daybook
import DaybookCore
import DaybookServer
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPStateTests {
    private enum Account: Decider {
        struct State: Encodable { var balance = 0 }
        enum Event: DomainEvent {
            static let typePrefix = "account"
            case changed(by: Int)
        }
        enum Rejection: Error {}

        static let initialState = State()

        static func decide(_ command: Int, in state: State) throws(Rejection) -> [Event] { [.changed(by: command)] }
        static func evolve(_ state: inout State, with event: Event) {
            switch event {
            case .changed(let amount): state.balance += amount
            }
        }
    }

    /// A ratio to a number of events that may be none.
    private enum Mean: Decider {
        struct State: Encodable { var value = Double.nan }
        enum Event: DomainEvent {
            static let typePrefix = "mean"
            case set(to: Double)
        }
        enum Rejection: Error {}

        static let initialState = State()

        static func decide(_ command: Double, in state: State) throws(Rejection) -> [Event] { [.set(to: command)] }
        static func evolve(_ state: inout State, with event: Event) {
            switch event {
            case .set(let value): state.value = value
            }
        }
    }

    @Test func aStateThatCannotBeWrittenIsAProblemAndNotNull() async throws {
        let store = InMemoryEventStore()
        let states = [ServedStates(Mean.self, in: store, category: "mean")]
        try await ServedStore.serving(store, states: states) { served async throws in
            let answer = try await served.get("/v1/states/mean-1")
            #expect(answer.status == 500)
            #expect(try answer.json()["code"] as? String == "unwritableState", "\(answer.text)")
        }
    }

    private func serving(_ use: (ServedStore) async throws -> Void) async throws {
        let store = InMemoryEventStore()
        let accounts = CommandHandler(Account.self, in: store, category: "account")
        for amount in [5, 10, -2] { try await accounts.handle(amount, id: "42-a") }
        try await ServedStore.serving(
            store, states: [ServedStates(Account.self, in: store, category: "account")], use)
    }

    @Test(arguments: [
        ("", 2, 13), ("?asOf=0", 0, 5), ("?asOf=p2", 1, 15), ("?asOf=2999-01-01T00:00:00Z", 2, 13),
    ])
    func theStateIsToldAsItIsOrWas(_ query: String, _ version: Int, _ balance: Int) async throws {
        try await serving { served async throws in
            let answer = try await served.get("/v1/states/account-42-a" + query).json()
            #expect(answer["version"] as? Int == version)
            #expect((answer["state"] as? [String: Any])?["balance"] as? Int == balance)
        }
    }

    @Test func beforeTheFirstEventItIsTheOneToBeginWith() async throws {
        try await serving { served async throws in
            for path in ["account-7", "account-42-a?asOf=1999-01-01T00:00:00Z"] {
                #expect(
                    try await served.get("/v1/states/\(path)").text.contains(#""version":null,"state":{"balance":0}"#))
            }
        }
    }

    @Test func whatIsNotKnownOrMeansNothingIsAProblem() async throws {
        try await serving { served async throws in
            for (path, status, code) in [
                ("order-1", 404, "statesUnknown"), ("account", 404, "statesUnknown"),
                ("account-1?asOf=yesterday", 400, "malformedParameter"), ("account-1?as=1", 400, "malformedParameter"),
            ] {
                let answer = try await served.get("/v1/states/\(path)")
                #expect(answer.status == status, "\(path)")
                #expect(try answer.json()["code"] as? String == code, "\(path): \(answer.text)")
            }
        }
    }
}
