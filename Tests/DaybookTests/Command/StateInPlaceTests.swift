import Daybook
import DaybookCore
import Testing

/// A subject whose state is large: it counts how often it is copied instead of changed in place.
private enum Ledger: Decider {
    final class Pages: @unchecked Sendable {
        var count = 0
        init(_ count: Int) { self.count = count }
    }
    struct State: Sendable {
        var pages = Pages(0)
        var copies = 0
    }
    enum Event: DomainEvent {
        case written(lines: Int)
        static let typePrefix = "ledger"
    }
    enum Rejection: Error { case never }

    static var initialState: State { State() }

    static func decide(_ command: Int, in state: State) throws(Rejection) -> [Event] { [.written(lines: command)] }

    static func evolve(_ state: inout State, with event: Event) {
        if !isKnownUniquelyReferenced(&state.pages) {
            state.pages = Pages(state.pages.count)
            state.copies += 1
        }
        if case .written(let lines) = event { state.pages.count += lines }
    }
}

@Suite("A cached state")
struct StateInPlaceTests {
    @Test("is changed in place by each command, however large it is", arguments: TestStore.all)
    func inPlace(_ store: TestStore) async throws {
        let ledgers = CommandHandler(Ledger.self, in: try await store.make(), category: "ledger")
        for _ in 0..<20 { try await ledgers.handle(1, id: "1") }
        let after = try await ledgers.state(of: "1").state
        #expect(after.pages.count == 20)
        #expect(after.copies == 0)
        // Whoever asked for the state keeps a copy of its own.
        try await ledgers.handle(1, id: "1")
        #expect(after.pages.count == 20)
        #expect(try await ledgers.state(of: "1").state.pages.count == 21)
    }
}
