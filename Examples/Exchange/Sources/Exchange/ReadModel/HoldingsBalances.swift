import Daybook
import DaybookCore

/// Every account's shares: a document an account.
public struct HoldingsBalances: Projection {
    /// What is said of an instrument of which an account has nothing any more.
    public enum Version: Sendable {
        /// It stays in the document, as a position without shares.
        case first
        /// It is left out, and so is the document of an account that has nothing at all.
        case second
    }

    public struct Balance: Codable, Sendable, Hashable {
        public struct Position: Codable, Sendable, Hashable {
            public var available: Quantity = 0
            /// What open orders hold.
            public var held: Quantity = 0

            public var total: Quantity { available + held }
        }

        /// By instrument.
        public var positions: [String: Position] = [:]
    }

    public let version: Version

    public init(_ version: Version = .first) { self.version = version }

    public var name: ReadModelName {
        switch version {
        case .first: "holdings-balances"
        case .second: "holdings-balances-2"
        }
    }

    public func filter(for key: String) -> EventFilter {
        EventFilter(categories: [Holdings.category], tags: [AccountID(rawValue: key).tag])
    }

    public func keys(for event: Holdings.Event, recorded: RecordedEvent) -> [String] {
        recorded.stream.id.map { [String($0)] } ?? []
    }

    public func keys(forUnreadable recorded: RecordedEvent) -> [String]? { recorded.stream.id.map { [String($0)] } }

    public func apply(
        _ event: Holdings.Event, recorded: RecordedEvent, key: String, to document: inout Balance?
    ) {
        var balance = document ?? Balance()
        switch event {
        case .deposited(let instrument, let quantity), .received(let instrument, let quantity, _, _),
            .returned(let instrument, let quantity, _, _):
            balance.positions[instrument.rawValue, default: Balance.Position()].available += quantity
        case .withdrawn(let instrument, let quantity):
            balance.positions[instrument.rawValue, default: Balance.Position()].available -= quantity
        case .held(let instrument, let quantity, _):
            balance.positions[instrument.rawValue, default: Balance.Position()].available -= quantity
            balance.positions[instrument.rawValue, default: Balance.Position()].held += quantity
        case .released(let instrument, let quantity, _):
            balance.positions[instrument.rawValue, default: Balance.Position()].held -= quantity
            balance.positions[instrument.rawValue, default: Balance.Position()].available += quantity
        case .delivered(let instrument, let quantity, _, _):
            balance.positions[instrument.rawValue, default: Balance.Position()].held -= quantity
        }
        if version == .second { balance.positions = balance.positions.filter { $0.value.total != 0 } }
        document = version == .second && balance.positions.isEmpty ? nil : balance
    }
}
