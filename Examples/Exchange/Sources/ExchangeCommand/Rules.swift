import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Rules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Decides recorded commands again under other rules: which orders would come out differently.",
        discussion: """
            Commands are recorded beside their events when that is asked for: what was wanted, on which state, and what \
            came of it. Here each of them is decided again, on the very state on which it was decided then. Nothing is \
            recorded.

            --margin decides the commands of cash accounts ('exchange simulate --record-commands') by an account that lets \
            an order hold at most PERCENT of the cash that is available. --position-limit decides the reservations of \
            orders ('exchange clear --record-commands') under another limit of the shares that an owner may have and have \
            on order.

            What the rule would have made of the commands before does not count: an order that it refuses was carried out \
            in the history that the later ones were decided on.

            EXAMPLE
              exchange simulate --orders 20000 --record-commands --store day.daybook
              exchange rules --margin 5 --store day.daybook
              exchange rules --margin 5 --after p5000 --through p6000 --store day.daybook
              exchange clear --record-commands --store market.daybook
              exchange rules --position-limit 80 --store market.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("How much of its available cash an order may hold, 1 to 100.", valueName: "percent"))
    var margin: Int?

    @Option(help: ArgumentHelp("How many shares an owner may have and have on order.", valueName: "shares"))
    var positionLimit: Quantity?

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
        guard (margin == nil) != (positionLimit == nil) else {
            throw ValidationError("Give either --margin or --position-limit: one rule at a time is tried.")
        }
        if let margin, Margin(percent: margin) == nil {
            throw ValidationError("--margin is \(margin): give 1 to 100 percent.")
        }
        if let positionLimit, positionLimit < 0 {
            throw ValidationError("--position-limit is \(positionLimit): give 0 shares or more.")
        }
        for moment in [after, through].compactMap(\.self) { try LogMoment.check(moment) }
        guard (0...1_000_000).contains(limit) else {
            throw ValidationError("--limit is \(limit): list 0 to 1,000,000.")
        }
    }

    func run() async throws {
        guard let last = LogMoment(through) else { return }
        let first = after.flatMap(LogMoment.init)
        try await store.withStore(creates: false) { store in
            var bar = ProgressBar("Deciding", unit: "positions")
            let progress: (Position, Position) -> Void = { reached, end in
                bar.update(done: Int(reached.rawValue), total: Int(end.rawValue))
            }
            let document: RulesDocument
            if let margin = margin.flatMap(Margin.init) {
                document = RulesDocument(
                    under: margin,
                    try await MarginAccount.replay(under: margin, in: store).run(
                        after: first, through: last, keepingFirst: limit, progress: progress))
            } else if let positionLimit {
                document = RulesDocument(
                    under: positionLimit,
                    try await PositionLimit.replay(under: positionLimit, in: store).run(
                        after: first, through: last, keepingFirst: limit, progress: progress))
            } else {
                return
            }
            bar.finish()
            guard document.commands > 0 else {
                throw CommandFailure(
                    .nothingFound,
                    "This store has no such commands recorded then: record them with 'exchange "
                        + "\(margin == nil ? "clear" : "simulate") --record-commands'.")
            }
            if json { try StandardOutput.json(document) } else { try show(document) }
        }
    }

    private func show(_ document: RulesDocument) throws {
        let rule =
            document.margin.map { "an order holding at most \($0) % of the available cash" }
            ?? "an owner having and ordering at most \((document.positionLimit ?? 0).grouped) shares of an instrument"
        try StandardOutput.line(
            "\(document.commands.grouped) commands decided again, \(rule): \(document.differences.grouped) come out "
                + "differently.")
        for (kind, count) in document.kinds.sorted(by: { $0.key < $1.key }) {
            try StandardOutput.line("  \(count.grouped) \(RulesDocument.words[kind] ?? kind)")
        }
        guard !document.first.isEmpty else { return }
        try StandardOutput.line("\nThe first \(document.first.count.grouped)")
        var table = Table(
            ["ACCOUNT", ">ORDER", document.margin == nil ? ">SHARES" : ">AMOUNT", "WAS", "IS NOW", "WHY"])
        for order in document.first {
            table.add([
                order.account.rawValue, order.order?.description ?? "",
                order.amount?.description ?? order.quantity?.grouped ?? "", order.recorded, order.replayed,
                order.reason,
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
        var quantity: Quantity?
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

    var margin: Int?
    var positionLimit: Quantity?
    var commands: Int
    var differences: Int
    var kinds: [String: Int]
    var first: [Order]

    init(under margin: Margin, _ report: DecisionReport<MarginAccount.Command, MarginAccount.Event>) {
        self.init(report) { difference in
            var order = Order(account: AccountID(rawValue: difference.id), difference)
            if case .hold(let amount, let id) = difference.command.command {
                order.order = id
                order.amount = amount
            }
            return order
        }
        self.margin = margin.percent
    }

    init(under limit: Quantity, _ report: BoundaryDecisionReplay<PositionLimit>.Report) {
        self.init(report) { difference in
            switch difference.command {
            case .reserve(let quantity, _, let id, let account, _), .release(let quantity, let id, let account):
                var order = Order(account: account, difference)
                order.order = id
                order.quantity = quantity
                return order
            }
        }
        positionLimit = limit
    }

    private init<Command, Event>(
        _ report: DecisionReport<Command, Event>, _ order: (DecisionDifference<Command, Event>) -> Order
    ) {
        commands = report.commandCount
        differences = report.differenceCount
        kinds = Dictionary(uniqueKeysWithValues: report.counts.map { ("\($0.key)", $0.value) })
        first = report.differences.map(order)
    }
}

extension RulesDocument.Order {
    fileprivate init<Command, Event>(account: AccountID, _ difference: DecisionDifference<Command, Event>) {
        self.account = account
        kind = "\(difference.kind)"
        recorded = Self.outcome(difference.recorded)
        replayed = Self.outcome(difference.replayed)
        reason = Self.reason(difference.replayed)
        event =
            EventReference(stream: difference.record.stream, version: difference.record.version).description
    }

    private static func outcome<Event>(_ outcome: DecisionOutcome<Event>) -> String {
        switch outcome {
        case .events: "carried out"
        case .rejected: "rejected"
        }
    }

    private static func reason<Event>(_ outcome: DecisionOutcome<Event>) -> String {
        switch outcome {
        case .events: ""
        case .rejected(let reason): reason
        }
    }
}
