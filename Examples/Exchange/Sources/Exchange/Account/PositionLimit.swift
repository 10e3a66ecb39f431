import Daybook
import DaybookCore

/// How many shares of an instrument an owner may have and have on order, over all its accounts: a rule that no account
/// alone can keep.
///
/// A buy order reserves its shares before it goes to the book. What it buys moves from the reservation into the holdings
/// as it is received; what is left is released when the order ends. The boundary is all that happened to the owner's
/// holdings and reservations, so that orders on two of its accounts at the same time are decided one after the other.
/// The limit is one on orders: shares that come in otherwise, by a deposit or from a trade that is reversed, are counted
/// and not refused.
public enum PositionLimit: BoundaryDecider {
    /// The category of the streams of reservations, one an owner: `position-T017`.
    public static let category: Category = "position"

    /// What happens to an owner. Types are left open in the boundary, so that none is forgotten.
    public enum Event: EventUnion, Hashable {
        case holdings(Holdings.Event)
        case position(PositionEvent)

        public static let members = [EventUnionMember(Event.holdings), EventUnionMember(Event.position)]
    }

    public enum Command: Sendable, Hashable, Codable {
        /// Sets shares aside under the limit, for a buy order.
        case reserve(Quantity, of: Instrument, for: OrderID, on: AccountID, limit: Quantity)
        /// Gives back a part of what an order reserves; what it has left, if that is less.
        case release(Quantity, for: OrderID, on: AccountID)

        var owner: OwnerID {
            switch self {
            case .reserve(_, _, _, let account, _), .release(_, _, let account): account.owner
            }
        }
    }

    public struct State: Sendable, Equatable {
        /// The shares that an order may still buy.
        public struct Reservation: Sendable, Hashable {
            public var account: AccountID
            public var instrument: Instrument
            public var quantity: Quantity
        }

        /// Over all accounts.
        public internal(set) var held: [Instrument: Quantity] = [:]
        public internal(set) var reservations: [OrderID: Reservation] = [:]

        public init() {}

        public func reserved(of instrument: Instrument) -> Quantity {
            reservations.values.reduce(0) { $1.instrument == instrument ? $0 + $1.quantity : $0 }
        }
    }

    public enum Rejection: Error, Hashable, CustomStringConvertible {
        case quantityOutOfBounds(Quantity)
        case beyondLimit(
            Instrument, owner: OwnerID, requested: Quantity, held: Quantity, reserved: Quantity, limit: Quantity)

        public var description: String {
            switch self {
            case .quantityOutOfBounds(let quantity):
                "\(quantity) shares are outside \(QuantityLimits.allowed.lowerBound) to \(QuantityLimits.allowed.upperBound)."
            case .beyondLimit(let instrument, let owner, let requested, let held, let reserved, let limit):
                "\(requested) shares of \(instrument) are asked for; \(owner) has \(held) and \(reserved) on order over all "
                    + "its accounts, and may have \(limit): order less, or delete an order."
            }
        }
    }

    public static func boundary(of command: Command) -> EventQuery {
        EventQuery(tags: [Tags.owner(command.owner)])
    }

    public static func initialState(for command: Command) -> State { State() }

    public static func decide(_ command: Command, in state: State) throws(Rejection) -> [PlacedEvent] {
        switch command {
        case .reserve(_, _, let order, _, _) where state.reservations[order] != nil:
            return []  // The same order asked before: a retry, not a second reservation.
        case .reserve(let quantity, let instrument, let order, let account, let limit):
            guard QuantityLimits.allowed.contains(quantity) else { throw .quantityOutOfBounds(quantity) }
            let held = state.held[instrument] ?? 0
            let reserved = state.reserved(of: instrument)
            guard held + reserved + quantity <= limit else {
                throw .beyondLimit(
                    instrument, owner: account.owner, requested: quantity, held: held, reserved: reserved,
                    limit: limit)
            }
            return [
                placed(.reserved(order: order, account: account, instrument: instrument, quantity: quantity), account)
            ]
        case .release(let quantity, let order, let account):
            guard quantity > 0 else { throw .quantityOutOfBounds(quantity) }
            guard let reservation = state.reservations[order] else { return [] }  // Nothing is left to give back.
            let released = min(quantity, reservation.quantity)
            return [
                placed(
                    .released(
                        order: order, account: account, instrument: reservation.instrument, quantity: released),
                    account)
            ]
        }
    }

    private static func placed(_ event: PositionEvent, _ account: AccountID) -> PlacedEvent {
        PlacedEvent(event, in: StreamName(unchecked: "\(category)-\(account.owner)"))
    }

    public static func evolve(_ state: inout State, with event: Event, of stream: StreamName) {
        switch event {
        case .position(.reserved(let order, let account, let instrument, let quantity)):
            state.reservations[order] = State.Reservation(
                account: account, instrument: instrument, quantity: quantity)
        case .position(.released(let order, _, _, let quantity)): state.take(quantity, from: order)
        case .holdings(.received(let instrument, let quantity, let order, _)):
            // On order until now, and held from here on: it counts once all the time.
            state.held[instrument, default: 0] += quantity
            state.take(quantity, from: order)
        case .holdings(.deposited(let instrument, let quantity)),
            .holdings(.returned(let instrument, let quantity, _, _)):
            state.held[instrument, default: 0] += quantity
        case .holdings(.withdrawn(let instrument, let quantity)),
            .holdings(.delivered(let instrument, let quantity, _, _)):
            state.held[instrument, default: 0] -= quantity
        case .holdings(.held), .holdings(.released): break  // Set aside for a sale, and still the owner's.
        }
    }
}

extension PositionLimit.State {
    /// An order's reservation goes with its last share.
    fileprivate mutating func take(_ quantity: Quantity, from order: OrderID) {
        guard let left = reservations[order]?.quantity else { return }
        if left > quantity { reservations[order]?.quantity = left - quantity } else { reservations[order] = nil }
    }
}
