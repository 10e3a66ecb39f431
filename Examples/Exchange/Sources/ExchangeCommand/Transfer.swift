import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Transfer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Moves cash from one account to another, both or neither.",
        discussion: """
            A transfer is decided on the events of both accounts, and recorded in both streams by one append, on the \
            condition that neither has changed meanwhile: no order can spend the same cash. It takes cash that is \
            available, and never what orders hold.

            T017 and T017.margin belong to the same owner, T017. An owner opens an account of its own by a transfer; an \
            account of somebody else must exist.

            With --id the transfer happens once, however often the command is run: the identifier is recorded with it for \
            good, and a repeat gets the first result.

            A simulated day is no longer that of its seed afterwards: 'exchange simulate' on the same store tells so.

            EXAMPLE
              exchange transfer 2500.00 --from T017 --to T017.margin --id transfer-1 --store day.daybook
            """)

    @Argument(help: "How many dollars, with at most four decimals.")
    var amount: String

    @Option(name: .customLong("from"), help: ArgumentHelp("The account that gives.", valueName: "account"))
    var source: String

    @Option(name: .customLong("to"), help: ArgumentHelp("The account that receives.", valueName: "account"))
    var target: String

    @Option(help: ArgumentHelp("Makes the transfer happen once.", valueName: "command id"))
    var id: String?

    @OptionGroup var store: StoreOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard Money(amount) != nil else {
            throw ValidationError("'\(amount)' is no amount: give dollars with at most four decimals, as 2500.00.")
        }
        for account in [source, target] where AccountID(account) == nil {
            throw ValidationError("'\(account)' is no account: give 1 to 64 letters, digits, dots or underscores.")
        }
        if let id, CommandID(rawValue: id) == nil {
            throw ValidationError("'\(id)' is no command identifier: give 1 to 512 bytes without control characters.")
        }
    }

    func run() async throws {
        guard let amount = Money(amount), let source = AccountID(source), let target = AccountID(target) else { return }
        try await store.withStore(creates: false) { store in
            let command = CashTransfer.Command(amount, from: source, to: target)
            let receipt = try await CommandContext.with(actor: source.owner.rawValue, reason: "transfer") {
                try await BoundaryHandler(CashTransfer.self, in: store)
                    .handle(command, commandID: id.map { CommandID(unchecked: $0) })
            }
            let cash = TradingFloor(in: store).cash
            let document = TransferDocument(
                amount: amount, source: source, target: target, position: receipt.position,
                isRepeat: receipt.isRepeat,
                sourceAvailable: try await cash.state(of: source.rawValue).state.available,
                targetAvailable: try await cash.state(of: target.rawValue).state.available)
            if json {
                try StandardOutput.json(document)
            } else if receipt.isRepeat {
                try StandardOutput.line(
                    "The transfer '\(id ?? "")' was recorded before, up to position \(receipt.position): nothing is done twice."
                )
            } else {
                try StandardOutput.line(
                    "\(amount) dollars went from \(source), which has \(document.sourceAvailable) available, to \(target), "
                        + "which has \(document.targetAvailable) (position \(receipt.position)).")
            }
        }
    }
}

/// A transfer as a program reads it. Amounts are in ten-thousandths of a dollar.
private struct TransferDocument: Encodable {
    var amount: Money
    var source: AccountID
    var target: AccountID
    var position: Position
    var isRepeat: Bool
    var sourceAvailable: Money
    var targetAvailable: Money
}
