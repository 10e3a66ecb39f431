import Daybook
import DaybookTesting
import Exchange
import Testing

@Suite("The exchange's recorded events")
struct SchemaTests {
    @Test("can be read by the program of today")
    func schemas() throws {
        try SchemaLockFile("../../schema.lock.json").check([
            SchemaSource(CashAccount.Event.self), SchemaSource(Holdings.Event.self), SchemaSource(OrderBook.Event.self),
            SchemaSource(CouponPayment.Event.self),
            SchemaSource(PositionEvent.self), SchemaSource(ClearingEvent.self),
            SchemaSource(ProcessRecord<ClearingCommand>.self), SchemaSource(CommandRecord<CashAccount.Command>.self),
        ])
    }
}
