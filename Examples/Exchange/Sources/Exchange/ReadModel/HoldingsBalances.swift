import Daybook
import DaybookCore

/// Every account's shares: a document an account.
public struct HoldingsBalances: Projection {
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

    public let name: ReadModelName = "holdings-balances"

    public init() {}

    public func keys(for event: Holdings.Event, recorded: RecordedEvent) -> [String] {
        recorded.stream.id.map { [String($0)] } ?? []
    }

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
        document = balance
    }
}
