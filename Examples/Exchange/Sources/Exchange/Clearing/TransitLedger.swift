/// All cash and all shares, and where they are: on accounts, or given by one side of a trade and not yet received by the
/// other. What is deposited and not withdrawn is always the sum of both.
public struct TransitLedger: Sendable, Equatable {
    public struct Transit: Sendable, Hashable {
        public var cash: Money = 0
        public var shares: Quantity = 0
    }

    public private(set) var deposited: Money = 0
    public private(set) var cash: Money = 0
    public private(set) var depositedShares: [Instrument: Quantity] = [:]
    public private(set) var shares: [Instrument: Quantity] = [:]
    /// What is between the sides of an execution; an execution with nothing between them is not in it.
    public private(set) var transits: [ExecutionID: Transit] = [:]

    public init() {}

    /// Whether nothing came into being, or got lost.
    public var isBalanced: Bool {
        var between: [Instrument: Quantity] = [:]
        for (execution, transit) in transits { between[execution.instrument, default: 0] += transit.shares }
        return transits.values.reduce(cash) { $0 + $1.cash } == deposited
            && Set(depositedShares.keys).union(shares.keys).union(between.keys).allSatisfy {
                (shares[$0] ?? 0) + (between[$0] ?? 0) == depositedShares[$0] ?? 0
            }
    }

    public mutating func apply(_ event: CashAccount.Event) {
        switch event {
        case .deposited(let amount): deposit(amount)
        case .withdrawn(let amount): deposit(.zero - amount)
        case .paid(let amount, _, _, let execution), .interestPaid(let amount, _, let execution):
            move(amount, to: execution)
        case .received(let amount, _, let execution), .refunded(let amount, _, let execution),
            .interestReceived(let amount, _, let execution):
            move(.zero - amount, to: execution)
        case .transferredOut(let amount, _, _), .couponPaid(let amount, _, _): cash -= amount
        case .transferredIn(let amount, _, _), .couponReceived(let amount, _, _): cash += amount
        case .held, .released: break
        }
    }

    public mutating func apply(_ event: Holdings.Event) {
        switch event {
        case .deposited(let instrument, let quantity): deposit(quantity, of: instrument)
        case .withdrawn(let instrument, let quantity): deposit(-quantity, of: instrument)
        case .delivered(let instrument, let quantity, _, let execution): move(quantity, of: instrument, to: execution)
        case .received(let instrument, let quantity, _, let execution),
            .returned(let instrument, let quantity, _, let execution):
            move(-quantity, of: instrument, to: execution)
        case .held, .released: break
        }
    }

    private mutating func deposit(_ amount: Money) {
        deposited += amount
        cash += amount
    }

    private mutating func deposit(_ quantity: Quantity, of instrument: Instrument) {
        depositedShares[instrument, default: 0] += quantity
        shares[instrument, default: 0] += quantity
    }

    private mutating func move(_ amount: Money, to execution: ExecutionID) {
        cash -= amount
        transits[execution, default: Transit()].cash += amount
        if transits[execution] == Transit() { transits[execution] = nil }
    }

    private mutating func move(_ quantity: Quantity, of instrument: Instrument, to execution: ExecutionID) {
        shares[instrument, default: 0] -= quantity
        transits[execution, default: Transit()].shares += quantity
        if transits[execution] == Transit() { transits[execution] = nil }
    }
}
