import Daybook
import DaybookCore
import DaybookTesting
import Foundation
import Testing

// The samples of "Adapt an application" stand here between marks; `scripts/check-samples` compares them with the article.

// sample: kind
/// What is traded.
enum InstrumentKind: Codable, Sendable, Equatable {
    case share
    /// Interest on each bond accrues by the day, and is paid twice a year.
    case bond(interestPerDay: Int)
}
// end of sample

// sample: book
enum BookEvent: DomainEvent, Equatable {
    static let typePrefix = "book"

    case opened(symbol: String, kind: InstrumentKind)
    case executed(trade: String, buyer: String, seller: String, price: Int, quantity: Int)
    /// New: the buyer of bonds owes the seller what has accrued since the last coupon.
    case interestAccrued(trade: String, buyer: String, seller: String, amount: Int)

    static func schemaVersion(of type: EventType) -> UInt32 { type == "book.opened" ? 2 : 1 }

    static let upcasters: [Upcaster] = [
        .change("book.opened", from: 1) { $0["kind"] = .object(["share": .object([:])]) }
    ]
}
// end of sample

enum Book: Decider {
    // sample: decide
    struct State: Sendable, Equatable {
        var kind = InstrumentKind.share
        var trades = 0
    }

    static func decide(_ command: Command, in book: State) -> [BookEvent] {
        switch command {
        case .open(let symbol, let kind):
            return [.opened(symbol: symbol, kind: kind)]
        case .trade(let buyer, let seller, let price, let quantity, let daysSinceCoupon):
            let trade = "#\(book.trades + 1)"
            let executed = BookEvent.executed(
                trade: trade, buyer: buyer, seller: seller, price: price, quantity: quantity)
            guard case .bond(let interestPerDay) = book.kind else { return [executed] }
            let interest = interestPerDay * daysSinceCoupon * quantity
            guard interest > 0 else { return [executed] }
            return [executed, .interestAccrued(trade: trade, buyer: buyer, seller: seller, amount: interest)]
        }
    }

    static func evolve(_ book: inout State, with event: BookEvent) {
        switch event {
        case .opened(_, let kind): book.kind = kind
        case .executed: book.trades += 1
        case .interestAccrued: break
        }
    }
    // end of sample

    typealias Rejection = Never
    typealias Event = BookEvent
    static let initialState = State()

    enum Command: Sendable {
        case open(symbol: String, kind: InstrumentKind)
        case trade(buyer: String, seller: String, price: Int, quantity: Int, daysSinceCoupon: Int)
    }
}

// sample: settle
enum CashCommand: Equatable {
    case pay(Int, trade: String)
    case receive(Int, trade: String)
    case payInterest(Int, trade: String)
    case receiveInterest(Int, trade: String)
}

/// What an event of a book means for the cash of those who traded.
func movements(after event: BookEvent) -> [(account: String, command: CashCommand)] {
    switch event {
    case .opened: []
    case .executed(let trade, let buyer, let seller, let price, let quantity):
        [(buyer, .pay(price * quantity, trade: trade)), (seller, .receive(price * quantity, trade: trade))]
    case .interestAccrued(let trade, let buyer, let seller, let amount):
        [(buyer, .payInterest(amount, trade: trade)), (seller, .receiveInterest(amount, trade: trade))]
    }
}
// end of sample

@Suite("The guide to adapting an application")
struct AdaptAnApplicationTests {
    private let bond = InstrumentKind.bond(interestPerDay: 14)

    // sample: shares
    @Test("A share trades as it did before there were bonds")
    func shares() {
        Scenario(Book.self)
            .given(.opened(symbol: "ALDER", kind: .share))
            .when(.trade(buyer: "B", seller: "S", price: 125, quantity: 4, daysSinceCoupon: 50))
            .then(.executed(trade: "#1", buyer: "B", seller: "S", price: 125, quantity: 4))
    }
    // end of sample

    // sample: bonds
    @Test("A trade of bonds owes the interest that has accrued, beside the price")
    func bonds() {
        Scenario(Book.self)
            .given(.opened(symbol: "MAPLE31", kind: .bond(interestPerDay: 14)))
            .when(.trade(buyer: "B", seller: "S", price: 985, quantity: 4, daysSinceCoupon: 50))
            .then(
                .executed(trade: "#1", buyer: "B", seller: "S", price: 985, quantity: 4),
                .interestAccrued(trade: "#1", buyer: "B", seller: "S", amount: 2_800))
    }
    // end of sample

    @Test("moves as much interest to the seller as from the buyer")
    func settles() {
        let movements = movements(after: .interestAccrued(trade: "#1", buyer: "B", seller: "S", amount: 2_800))
        #expect(movements.map(\.account) == ["B", "S"])
        #expect(movements.map(\.command) == [.payInterest(2_800, trade: "#1"), .receiveInterest(2_800, trade: "#1")])
    }

    /// A log as the program before the change wrote it.
    private func oldLog() async throws -> InMemoryEventStore {
        let store = InMemoryEventStore()
        let trade = ##"{"buyer":"B","price":125,"quantity":4,"seller":"S","trade":"#1"}"##
        try await store.append(
            [
                NewEvent(type: "book.opened", data: Array(#"{"symbol":"ALDER"}"#.utf8)),
                NewEvent(type: "book.executed", data: Array(trade.utf8)),
            ], to: "book-ALDER")
        return store
    }

    @Test("reads what was recorded as what it was, and goes on with it beside a bond")
    func oldLogs() async throws {
        let store = try await oldLog()
        // sample: report
        let report = try await DecodingReport(reading: BookEvent.self, from: store)
        for (kind, count) in report.eventCounts.sorted(by: { $0.key < $1.key }) { print(kind, count) }
        for failure in report.failures { print(failure) }
        guard report.isClean else { return }
        // end of sample
        #expect(report.eventCounts.values.reduce(0, +) == 2)

        let books = CommandHandler(Book.self, in: store, category: "book")
        #expect(try await books.state(of: "ALDER").state == Book.State(kind: .share, trades: 1))
        try await books.handle(.open(symbol: "MAPLE31", kind: bond), id: "MAPLE31")
        try await books.handle(
            .trade(buyer: "B", seller: "S", price: 985, quantity: 4, daysSinceCoupon: 50), id: "MAPLE31")
        let recorded = try await store.readPage(of: "book-MAPLE31", from: .start, direction: .forward, limit: 10)
        #expect(recorded.events.map(\.type) == ["book.opened", "book.executed", "book.interestAccrued"])
        #expect(recorded.events.map(\.schemaVersion) == [2, 1, 1])
        // The old events stand as they stood.
        let old = try await store.readPage(of: "book-ALDER", from: .start, direction: .forward, limit: 10)
        #expect(old.events.map(\.schemaVersion) == [1, 1])
    }

    @Test("lowers openings of shares for readers that do not know bonds, and refuses those of bonds")
    func readersOutside() async throws {
        let store = InMemoryEventStore()
        let books = CommandHandler(LoweredBook.self, in: store, category: "book")
        try await books.handle(.open(.share), id: "ALDER")
        try await books.handle(.open(bond), id: "MAPLE31")
        let events = try await store.readPage(from: .after(.start), direction: .forward, filter: .all, limit: 10).events
        let downcast = Downcast<LoweredBook.Event>(to: ["book.opened": 1])
        let share = try #require(events.first)
        #expect(try downcast.events(of: share).map(\.data) == [Array("{}".utf8)])
        let last = try #require(events.last)
        #expect(throws: DowncastError.self) { try downcast.events(of: last) }
    }
}

/// A book whose events are passed on to a program that only knows shares.
private enum LoweredBook: Decider {
    enum Event: DomainEvent {
        static let typePrefix = "book"
        static func schemaVersion(of type: EventType) -> UInt32 { 2 }

        case opened(kind: InstrumentKind)

        // sample: downcast
        struct BondsUnknown: Error {}

        static let downcasters: [Downcaster] = [
            Downcaster("book.opened", from: 2) { data in
                guard data["kind"] == .object(["share": .object([:])]) else { throw BondsUnknown() }
                data["kind"] = nil
            }
        ]
        // end of sample
    }

    enum Command: Sendable { case open(InstrumentKind) }
    struct State: Sendable {}
    typealias Rejection = Never
    static let initialState = State()

    static func decide(_ command: Command, in state: State) -> [Event] {
        switch command {
        case .open(let kind): [.opened(kind: kind)]
        }
    }
    static func evolve(_ state: inout State, with event: Event) {}
}
