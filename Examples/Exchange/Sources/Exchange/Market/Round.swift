/// What reaches the exchange at about the same time, in the order of arrival for each subject.
public struct Round: Sendable {
    /// Before the books: cash that orders hold.
    public var cash: [AccountID: [Instruction<CashAccount.Command>]] = [:]
    /// Before the books: shares that orders hold.
    public var holdings: [AccountID: [Instruction<Holdings.Command>]] = [:]
    public var books: [Instrument: [Instruction<OrderBook.Command>]] = [:]

    public init() {}
}
