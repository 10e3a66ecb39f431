import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Rules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Decides recorded commands again under a margin rule: which orders would come out differently.",
        discussion: """
            The commands of cash accounts are recorded beside their events by 'exchange simulate --record-commands': what \
            was wanted, on which state, and what came of it. Here each of them is decided again, on the very state on \
            which it was decided then, by an account that lets an order hold at most PERCENT of the cash that is \
            available. Nothing is recorded.

            What the rule would have made of the commands before does not count: an order that it refuses was carried out \
            in the history that the later ones were decided on.

            EXAMPLE
              exchange simulate --orders 20000 --record-commands --store day.daybook
              exchange rules --margin 5 --store day.daybook
              exchange rules --margin 5 --after p5000 --through p6000 --store day.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("How much of its available cash an order may hold, 1 to 100.", valueName: "percent"))
    var margin: Int

    @Option(
        help: ArgumentHelp(
            "Only commands recorded after this moment; see 'exchange help accounts'.", valueName: "moment"))
    var after: String?

    @Option(help: ArgumentHelp("Only commands recorded by this moment.", valueName: "moment"))
    var through = "latest"

    @Option(help: "How many of the orders that come out differently to list.")
    var limit = 10

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard Margin(percent: margin) != nil else {
            throw ValidationError("--margin is \(margin): give 1 to 100 percent.")
        }
        for moment in [after, through].compactMap(\.self) { try Accounts.check(moment: moment) }
        guard (0...1_000_000).contains(limit) else {
            throw ValidationError("--limit is \(limit): list 0 to 1,000,000.")
        }
    }

    func run() async throws {
        guard let margin = Margin(percent: margin), let last = LogMoment(through) else { return }
        let first = after.flatMap(LogMoment.init)
        try await store.withStore(creates: false) { store in
            var bar = ProgressBar("Deciding", unit: "positions")
            let report = try await MarginAccount.replay(under: margin, in: store).run(
                after: first, through: last, keepingFirst: limit
            ) { reached, end in
                bar.update(done: Int(reached.rawValue), total: Int(end.rawValue))
            }
            bar.finish()
            guard report.commandCount > 0 else {
                throw CommandFailure(
                    .nothingFound,
                    "This store has no commands of cash accounts recorded then: record a day with 'exchange simulate "
                        + "--record-commands'.")
            }
            let document = RulesDocument(margin: margin, report)
            if json { try StandardOutput.json(document) } else { try show(document) }
        }
    }

    private func show(_ document: RulesDocument) throws {
        try StandardOutput.line(
            "\(document.commands.grouped) commands decided again, an order holding at most \(document.margin) % of the "
                + "available cash: \(document.differences.grouped) come out differently.")
        for (kind, count) in document.kinds.sorted(by: { $0.key < $1.key }) {
            try StandardOutput.line("  \(count.grouped) \(RulesDocument.words[kind] ?? kind)")
        }
        guard !document.first.isEmpty else { return }
        try StandardOutput.line("\nThe first \(document.first.count.grouped)")
        var table = Table(["ACCOUNT", ">ORDER", ">AMOUNT", "WAS", "IS NOW", "WHY"])
        for order in document.first {
            table.add([
                order.account.rawValue, order.order?.description ?? "", order.amount?.description ?? "", order.recorded,
                order.replayed, order.reason,
            ])
        }
        try StandardOutput.write(table.text)
    }
}

/// What a rule would change, for programs. Amounts are in ten-thousandths of a dollar.
private struct RulesDocument: Encodable {
    struct Order: Encodable {
        var account: AccountID
        var order: OrderID?
        var amount: Money?
        var kind: String
        /// What came of it: "carried out", "rejected".
        var recorded: String
        var replayed: String
        var reason: String
        /// The record of the command.
        var event: String
    }

    static let words = [
        "nowRejected": "were carried out, and are rejected now",
        "nowCarriedOut": "were rejected, and are carried out now",
        "otherEvents": "lead to other events", "otherReason": "are rejected for another reason",
    ]

    var margin: Int
    var commands: Int
    var differences: Int
    var kinds: [String: Int]
    var first: [Order]

    init(margin: Margin, _ report: DecisionReport<MarginAccount.Command, MarginAccount.Event>) {
        self.margin = margin.percent
        commands = report.commandCount
        differences = report.differenceCount
        kinds = Dictionary(uniqueKeysWithValues: report.counts.map { ("\($0.key)", $0.value) })
        first = report.differences.map { difference in
            var order = Order(
                account: AccountID(rawValue: difference.id), kind: "\(difference.kind)",
                recorded: Self.outcome(difference.recorded), replayed: Self.outcome(difference.replayed),
                reason: Self.reason(difference.replayed),
                event: EventReference(stream: difference.record.stream, version: difference.record.version)
                    .description)
            if case .hold(let amount, let id) = difference.command.command {
                order.order = id
                order.amount = amount
            }
            return order
        }
    }

    private static func outcome(_ outcome: DecisionOutcome<CashAccount.Event>) -> String {
        switch outcome {
        case .events: "carried out"
        case .rejected: "rejected"
        }
    }

    private static func reason(_ outcome: DecisionOutcome<CashAccount.Event>) -> String {
        switch outcome {
        case .events: ""
        case .rejected(let reason): reason
        }
    }
}
