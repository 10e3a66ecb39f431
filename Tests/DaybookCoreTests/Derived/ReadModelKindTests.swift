import DaybookCore
import Testing

@Suite("What a read model is for")
struct ReadModelKindTests {
    @Test(
        "is told from its name",
        arguments: [
            ("deposits", .documents), ("$consumer-mailer", .consumerGroup("mailer")),
            ("$consumer-process-sale", .consumerGroup("process-sale")),
            ("$process-timers-sale", .processTimers("sale")),
            ("$consumer-election/one", .other), ("$alias/deposits", .other), ("$receiver-orders", .other),
            ("$consumer", .other), ("consumer-mailer", .documents),
        ] as [(String, ReadModelKind)])
    func kinds(name: String, kind: ReadModelKind) {
        #expect(ReadModelKind(of: name) == kind)
    }

    @Test("is a process manager's work when its timers or the sending of its commands are kept in it")
    func processes() {
        let names = ["$process-timers-sale", "$consumer-process-sale", "$consumer-sale", "process-sale"]
        #expect(names.map { ReadModelKind(of: $0).process } == ["sale", "sale", nil, nil])
    }
}
