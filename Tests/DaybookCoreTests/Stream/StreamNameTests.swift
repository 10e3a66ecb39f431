import DaybookCore
import Testing

@Suite("A stream's name")
struct StreamNameTests {
    @Test(
        "is found in the name of its control stream, byte by byte",
        arguments: ["order-1", "$", "-", "e\u{301}-1", "\u{301}order-1", "\u{FE0F}1", "\u{200D}"])
    func controlled(text: String) throws {
        let name = try StreamName(text)
        #expect(name.control.isControl)
        #expect(name.control.controlled == name)
        #expect(name.controlled == nil)
    }
}
