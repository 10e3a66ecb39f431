import Daybook
import DaybookCore
// sample: lock the schemas
import DaybookTesting
// end of sample
import Testing

// sample: lock the schemas
@Test("Events that are recorded can be read by this program")
func schemas() throws {
    try SchemaLockFile("schema.lock.json").check([SchemaSource(AccountEvent.self)])
}
// end of sample

@Test("Recorded commands are locked beside events")
func commandSchemas() throws {
    // sample: lock commands
    let sources = [
        try SchemaSource(CashAccount.self),
        try SchemaSource(CommandRecord<CashAccount.Command>.self, in: Category("account").commands),
        try SchemaSource(LongStay.Event.self),
        try SchemaSource(ProcessRecord<LongStay.Command>.self, in: LongStay.category),
        try SchemaSource(ProcessProgress.self),
    ]
    // end of sample
    let findings = SchemaLock().findings(for: sources)
    #expect(findings.contains(.added("process.sent", version: 1, in: "longStay")))
    #expect(!findings.contains { !$0.isAcceptable })
}
