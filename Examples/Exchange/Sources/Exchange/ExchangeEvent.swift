import Daybook
import DaybookCore

/// Every event that the exchange records, whatever its stream: those of the domain, what the clearing's processes record
/// beside theirs, and recorded commands.
///
/// A whole log is read through it (``DecodingReport``) before a new version of the program goes into use. An event that is
/// none of these is one that nobody reads. Consumer groups and read models keep documents, and no events.
public enum ExchangeEvent: EventUnion {
    case book(OrderBook.Event)
    case cash(CashAccount.Event)
    case holdings(Holdings.Event)
    case position(PositionEvent)
    case coupon(CouponPayment.Event)
    case clearing(ClearingEvent)
    /// Commands and deadlines of the clearing's processes.
    case process(ProcessRecord<ClearingCommand>)
    /// How far the clearing has come.
    case progress(ProcessProgress)
    /// Commands of cash accounts.
    case command(CommandRecord<CashAccount.Command>)
    /// Commands under position limits.
    case reservation(CommandRecord<PositionLimit.Command>)

    public static let members = [
        EventUnionMember(ExchangeEvent.book), EventUnionMember(ExchangeEvent.cash),
        EventUnionMember(ExchangeEvent.holdings), EventUnionMember(ExchangeEvent.position),
        EventUnionMember(ExchangeEvent.coupon), EventUnionMember(ExchangeEvent.clearing),
        EventUnionMember(ExchangeEvent.process, in: Clearing.category), EventUnionMember(ExchangeEvent.progress),
        EventUnionMember(ExchangeEvent.command, in: CashAccount.category.commands),
        EventUnionMember(ExchangeEvent.reservation, in: PositionLimit.category.commands),
    ]
}
