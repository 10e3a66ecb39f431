import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Reconcile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Counts from the log whether everything that was traded is settled and confirmed, once.",
        discussion: """
            Cash and shares are added up over all events; every execution must end once; each of its two sides must be \
            confirmed once, in numbers without gaps for each account; and the accounts of the read models must be those that \
            the log makes anew. Nothing is written, and other processes may work meanwhile.

            What is still to be done is listed, with exit code 1; with --wait it is waited for first. What must never be, such \
            as cash that got lost, ends with exit code 2 at once.
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: "How many seconds to wait until everything is done.")
    var wait = 0.0

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard (0...86_400).contains(wait) else {
            throw ValidationError("--wait is \(wait): ask for 0 to 86,400 seconds.")
        }
    }

    func run() async throws {
        let deadline = ContinuousClock.now + .seconds(wait)
        try await store.withStore(creates: false) { store in
            var result = try await Reconciliation.of(store, models: store)
            while !result.isComplete, result.faults.isEmpty, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(500))  // What others do is seen by looking.
                result = try await Reconciliation.of(store, models: store)
            }
            try show(result)
            if let fault = result.faults.first { throw CommandFailure(.damageFound, "\(fault).") }
            if let open = result.outstanding.first { throw CommandFailure(.refused, "\(open).") }
        }
    }

    private func show(_ result: Reconciliation) throws {
        if json { return try StandardOutput.json(result) }
        var table = Table(["WHAT", ">COUNT"])
        table.add(["executions", result.executions.grouped])
        table.add(["settled", result.settled.grouped])
        table.add(["reversed", result.reversed.grouped])
        table.add(["open", result.open.grouped])
        table.add(["confirmations", result.confirmations.grouped])
        try StandardOutput.write(table.text)
        if result.isComplete {
            try StandardOutput.line(
                "All cash and shares are there, everything is confirmed once, and the accounts are those of the log.")
        }
        for line in result.outstanding { try StandardOutput.line("to be done: \(line)") }
        for line in result.faults { try StandardOutput.line("WRONG: \(line)") }
    }
}
