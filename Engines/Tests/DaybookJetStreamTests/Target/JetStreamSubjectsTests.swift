import Testing

@testable import DaybookJetStream

@Suite("Subjects of events")
struct JetStreamSubjectsTests {
    @Test("are the partition and the stream's name, with what NATS gives a meaning encoded")
    func subjects() throws {
        let subjects = try JetStreamSubjects(prefix: "shop.accounts", partitions: 100)
        #expect(subjects.all == "shop.accounts.>")
        #expect(subjects.filter(of: 7) == "shop.accounts.07.>")
        for (stream, tokens) in [
            ("account-42", "account.42"), ("a.b-c d", "a%2Eb.c%20d"), ("solo", "solo.~"), ("empty-", "empty.~~"),
            ("kontó-*>", "kont%C3%B3.%2A%3E"),
        ] {
            let partition = subjects.partition(of: stream)
            #expect(subjects.subject(of: stream) == subjects.filter(of: partition).dropLast() + tokens)
        }
    }

    @Test("share streams out over all partitions, the same for good")
    func partitions() throws {
        let subjects = try JetStreamSubjects(prefix: "a", partitions: 8)
        var counts = [Int](repeating: 0, count: 8)
        for number in 0..<800 { counts[subjects.partition(of: "account-\(number)")] += 1 }
        #expect(counts.allSatisfy { $0 > 50 })
        #expect(subjects.subject(of: "account-42") == "a.\(Self.partitionOf42).account.42")
    }

    /// As it was first written: a change would mix up the order of events under way.
    private static let partitionOf42 = "04"

    @Test(
        "are covered by a stream's pattern or not",
        arguments: [
            ("a.>", "a.b.>", true), ("a.b.>", "a.>", false), (">", "a.>", true), ("a.*", "a.>", false),
            ("a.*.>", "a.b.>", true), ("a.>", "a.>", true), ("a", "a.>", false), ("a.b", "a.b", true),
        ])
    func covers(_ pattern: String, _ other: String, _ isCovered: Bool) {
        #expect(BusStream.covers(pattern, other) == isCovered)
    }
}
