import Daybook
import DaybookTesting
import Exchange
import Testing

@Suite("The exchange's recorded events")
struct SchemaTests {
    @Test("can be read by the program of today")
    func schemas() throws {
        let sources = [
            try SchemaSource(CashAccount.self), try SchemaSource(Holdings.self), try SchemaSource(OrderBook.self),
            try SchemaSource(CouponPayment.self), try SchemaSource(PositionEvent.self),
            try SchemaSource(ClearingEvent.self),
            try SchemaSource(ProcessRecord<ClearingCommand>.self, in: Clearing.category),
            try SchemaSource(ProcessProgress.self),
            try SchemaSource(CommandRecord<CashAccount.Command>.self, in: CashAccount.category.commands),
            try SchemaSource(CommandRecord<PositionLimit.Command>.self, in: PositionLimit.category.commands),
        ]
        let reserve = PositionLimit.Command.reserve(1, of: "X", for: 1, on: "A", limit: 10)
        try SchemaLockFile("../../schema.lock.json").check(
            sources,
            boundaries: [
                SchemaBoundary(CashTransfer.self, of: CashTransfer.Command(1, from: "A", to: "B")),
                SchemaBoundary(PositionLimit.self, of: reserve, .release(1, for: 1, on: "A")),
            ])
    }
}
