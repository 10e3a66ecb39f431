import Daybook
import DaybookTesting
import Exchange
import Testing

@Suite("The exchange's recorded events")
struct SchemaTests {
    @Test("can be read by the program of today")
    func schemas() throws {
        try SchemaLockFile("../../schema.lock.json").check([
            SchemaSource(CashAccount.self), SchemaSource(Holdings.self), SchemaSource(OrderBook.self),
            SchemaSource(CouponPayment.self), SchemaSource(PositionEvent.self), SchemaSource(ClearingEvent.self),
            SchemaSource(ProcessRecord<ClearingCommand>.self, in: Clearing.category),
            SchemaSource(ProcessProgress.self),
            SchemaSource(CommandRecord<CashAccount.Command>.self, in: CashAccount.category.commands),
            SchemaSource(CommandRecord<PositionLimit.Command>.self, in: PositionLimit.category.commands),
        ])
    }
}
