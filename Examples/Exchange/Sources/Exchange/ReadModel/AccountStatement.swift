/// What an account has, at the last prices.
public struct AccountStatement: Sendable, Hashable, Codable {
    public var account: AccountID
    public var cash = CashBalances.Balance()
    public var holdings = HoldingsBalances.Balance()
    /// What its shares would bring at the price of the last trade.
    public var sharesWorth: Money = 0

    public var worth: Money { cash.total + sharesWorth }

    init(account: AccountID) { self.account = account }
}
