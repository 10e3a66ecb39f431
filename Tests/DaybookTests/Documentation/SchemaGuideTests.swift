import Daybook
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
