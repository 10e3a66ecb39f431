import Daybook
import DaybookCore

/// Pays the coupons of bonds, out of the cash of their issuers, to all who hold them.
///
/// Entitled is who held the bond before the first session on or after the coupon date, as the log has it: so a coupon
/// that is paid late goes to the same accounts as one that is paid on its day. Nothing may be unsettled at that moment,
/// which is so between sessions.
///
/// Each step is a command with an identifier of its own. A payment that was interrupted is gone on with by asking for
/// it again; one that is finished is not made twice.
public struct CouponDesk: Sendable {
    /// What a coupon came to.
    public struct Outcome: Sendable, Equatable {
        public var holders: [CouponPayment.Holder]
        public var total: Money
        /// Whether all of it had been paid before.
        public var isRepeat: Bool
        /// The log up to here holds the payment.
        public var position: Position
    }

    /// How many accounts are paid at once.
    private static let concurrency = 64

    private let store: any EventStore
    private let coupons: CommandHandler<CouponPayment>
    private let cash: CommandHandler<CashAccount>

    public init(in store: any EventStore) {
        self.store = store
        coupons = CommandHandler(CouponPayment.self, in: store, category: CouponPayment.category)
        cash = CommandHandler(CashAccount.self, in: store, category: CashAccount.category)
    }

    /// Pays the coupon of a date to all holders of a bond, once.
    ///
    /// - Throws: ``NoBond`` where the log has no book of such a bond, ``CouponPayment/Rejection`` and
    ///   ``CashAccount/Rejection`` in a `CommandError`. When the issuer has too little cash, nobody is paid.
    /// - Complexity: O(holdings' events), and an append for each holder.
    public func pay(_ bond: Instrument, on date: CalendarDate) async throws -> Outcome {
        let name = "coupon:\(bond):\(date)"
        return try await CommandContext.with(
            correlationID: name, actor: "paying agent", reason: "the coupon of \(date)"
        ) {
            let (terms, entitled) = try await self.listing(of: bond, before: date)
            let holders = try await self.holders(of: bond, asOf: entitled)
            let id = "\(bond)-\(date)"
            try await coupons.handle(
                .fallDue(of: bond, terms: terms, on: date, holders: holders), id: id,
                commandID: CommandID("\(name):due"))
            let due = try await coupons.state(of: id).state
            var outcome = Outcome(holders: due.holders, total: due.total, isRepeat: true, position: .start)
            let paid = try await cash.handle(
                .payCoupon(due.total, of: bond, on: date), id: terms.issuer.rawValue,
                commandID: CommandID("\(name):pay"))
            outcome.add(paid)
            try await payHolders(due.holders, of: bond, on: date, named: name, into: &outcome)
            return outcome
        }
    }

    private func payHolders(
        _ holders: [CouponPayment.Holder], of bond: Instrument, on date: CalendarDate, named name: String,
        into outcome: inout Outcome
    ) async throws {
        try await withThrowingTaskGroup(of: CommandReceipt<CashAccount.Event>.self) { group in
            var running = 0
            for holder in holders {
                if running == Self.concurrency, let receipt = try await group.next() {
                    outcome.add(receipt)
                    running -= 1
                }
                group.addTask {
                    try await cash.handle(
                        .receiveCoupon(holder.amount, of: bond, on: date), id: holder.account.rawValue,
                        commandID: CommandID("\(name):receive:\(holder.account)"))
                }
                running += 1
            }
            while let receipt = try await group.next() { outcome.add(receipt) }
        }
    }

    /// The terms of a bond, and the position at which it is decided who is entitled to the coupon of a date.
    private func listing(
        of bond: Instrument, before date: CalendarDate
    ) async throws -> (terms: BondTerms, entitled: Position) {
        let codec = JSONEventCodec<OrderBook.Event>()
        var found: BondTerms?
        var entitled: Position?
        let openings = EventFilter(streamPrefixes: [bond.bookStream.rawValue], types: ["book.opened"])
        for try await recorded in store.events(filter: openings) where recorded.stream == bond.bookStream {
            for case .opened(_, let session, _, _, .bond(let terms)) in try codec.decode(recorded) {
                found = terms
                if entitled == nil, let day = session.date, day >= date { entitled = recorded.position.previous }
            }
        }
        guard let found else { throw NoBond(instrument: bond) }
        guard let entitled else { return (found, try await store.head()) }
        return (found, entitled)
    }

    private func holders(of bond: Instrument, asOf position: Position) async throws -> [AccountID: Quantity] {
        let balances = try await ProjectionHistory(HoldingsBalances(), of: store).documents(asOf: .position(position))
        var holders: [AccountID: Quantity] = [:]
        for (account, balance) in balances {
            guard let held = balance.positions[bond.rawValue]?.total, held > 0 else { continue }
            holders[AccountID(rawValue: account)] = held
        }
        return holders
    }
}

extension CouponDesk {
    /// A coupon was asked for of what is no bond.
    public struct NoBond: Error, Hashable, CustomStringConvertible {
        public var instrument: Instrument

        public var description: String {
            "No book of a bond \(instrument) is in this store: give the symbol of a bond that was listed here."
        }
    }
}

extension CouponDesk.Outcome {
    fileprivate mutating func add(_ receipt: CommandReceipt<CashAccount.Event>) {
        isRepeat = isRepeat && receipt.isRepeat
        position = max(position, receipt.position)
    }
}
