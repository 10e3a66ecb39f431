import Daybook
import DaybookCore

/// What became of an account's cash and shares between two moments, and by which events.
public struct AccountChange: Sendable, Hashable, Codable {
    public struct Change<Value: Sendable & Hashable & Codable>: Sendable, Hashable, Codable {
        public var before: Value
        public var after: Value
    }

    /// The most events told for the cash, and for the shares: the last ones.
    private static let eventLimit = 10

    public var account: AccountID
    /// Nil when it is the same at both moments.
    public internal(set) var cash: Change<CashBalances.Balance>?
    /// Nil when they are the same at both moments.
    public internal(set) var holdings: Change<HoldingsBalances.Balance>?
    /// In the order in which they were recorded.
    public internal(set) var events: [EventSummary] = []

    private init(account: AccountID) { self.account = account }

    /// The accounts that have something else at a later moment than at an earlier one, by name.
    ///
    /// - Complexity: O(events of cash and holdings up to the later moment) in time, O(accounts) in memory.
    public static func all(
        in store: any EventStore, from earlier: LogMoment, to later: LogMoment = .latest
    ) async throws -> [AccountChange] {
        var changes: [AccountID: AccountChange] = [:]
        let cash = ProjectionHistory(CashBalances(), of: store)
        for difference in try await cash.differences(from: earlier, to: later, causes: eventLimit) {
            let account = AccountID(rawValue: difference.key)
            var change = AccountChange(account: account)
            change.cash = Change(
                before: difference.old ?? CashBalances.Balance(), after: difference.new ?? CashBalances.Balance())
            change.events = try difference.causes.map(EventSummary.init)
            changes[account] = change
        }
        let holdings = ProjectionHistory(HoldingsBalances(.second), of: store)
        for difference in try await holdings.differences(from: earlier, to: later, causes: eventLimit) {
            let account = AccountID(rawValue: difference.key)
            var change = changes[account] ?? AccountChange(account: account)
            change.holdings = Change(
                before: difference.old ?? HoldingsBalances.Balance(),
                after: difference.new ?? HoldingsBalances.Balance())
            change.events += try difference.causes.map(EventSummary.init)
            changes[account] = change
        }
        for account in changes.keys { changes[account]?.events.sort { $0.position < $1.position } }
        return changes.values.sorted { $0.account < $1.account }
    }
}
