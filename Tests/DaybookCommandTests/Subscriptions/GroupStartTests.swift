import Testing

@testable import DaybookCommand

@Suite("Where a group of consumers begins")
struct GroupStartTests {
    @Test(
        "is shown by the words by which it is said",
        arguments: [
            ("0", "start"), ("C:0/P:0", "start"), ("-1", "end"), ("C:-1/P:-1", "end"), ("7", "7"), ("C:12/P:12", "12"),
            ("", ""),
        ])
    func words(_ text: String, _ word: String) {
        #expect(GroupStart.word(for: text) == word)
        if !word.isEmpty { #expect(GroupStart(argument: word) != nil) }
    }
}
