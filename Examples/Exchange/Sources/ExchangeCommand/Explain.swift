import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists which events made an account's cash what it is.",
        discussion: """
            The events of the account are found by its tag, and the balance is made of them once more: each line is an \
            event that changed it, with what was available and held afterwards. Nothing of this is stored.
            """)

    @Argument(help: "The account, such as T017.")
    var account: String

    @OptionGroup var store: StoreOptions

    @Option(
        help: ArgumentHelp("Events after this moment do not count; see 'exchange help accounts'.", valueName: "moment"))
    var asOf = "latest"

    @Option(help: "How many of the last events to show.")
    var limit = 20

    @Flag(help: "Print one JSON object a line, one for each event.")
    var json = false

    func validate() throws {
        guard AccountID(account) != nil else {
            throw ValidationError("'\(account)' is no account: give 1 to 64 letters, digits, dots or underscores.")
        }
        try LogMoment.check(asOf)
        guard limit > 0 else { throw ValidationError("--limit is \(limit): ask for at least 1.") }
    }

    func run() async throws {
        guard let account = AccountID(account), let moment = LogMoment(asOf) else { return }
        try await store.withStore(creates: false) { store in
            let lineage = try await CashLineage(of: account, in: store, asOf: moment)
            guard let last = lineage.steps.last else {
                throw CommandFailure(
                    .nothingFound, "No event as of \(asOf) concerns the cash of account \(account): check its name.")
            }
            let shown = lineage.steps.suffix(limit)
            if json {
                for step in shown { try StandardOutput.json(step) }
                return
            }
            try StandardOutput.line(
                "\(account) has \(last.after.available) dollars available and \(last.after.held) held, by "
                    + "\(lineage.steps.count.grouped) events"
                    + (shown.count < lineage.steps.count ? ", of which these are the last \(shown.count.grouped)" : ""))
            var table = Table([">AVAILABLE", ">HELD", "WHAT", "WHY", "WHEN", "EVENT", "RECORDED"])
            for step in shown {
                table.add([
                    step.after.available.description, step.after.held.description, step.what, step.reason ?? "",
                    step.time.description, step.event, "\(step.recordedAt)",
                ])
            }
            try StandardOutput.write(table.text)
        }
    }
}
