import ArgumentParser
import Daybook
import DaybookCore
import DaybookSQLite
import Exchange

struct Parked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists what the clearing could not do, and does it again when the cause is mended.",
        discussion: """
            A command to an account that fails again and again, an order whose hold is gone, an execution that cannot be \
            confirmed: each stops its own trade, order or book, and no other. It is listed with its key, why it failed, and \
            how much waits behind it.

            --replay does what is parked under a key again, then what waits behind it, and what follows. What fails anew is \
            parked again, and the exit code is 1.

            EXAMPLE
              exchange parked --store market.daybook
              exchange parked --replay 'clearing-ALDER#2' --store market.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("Do again what is parked under this key.", valueName: "key"))
    var replay: String?

    @Flag(help: "Print one JSON object a line, one for each.")
    var json = false

    func run() async throws {
        try await store.withStore(creates: false) { store in
            // Whoever has the file open is the only one to run under this name.
            let house = ClearingHouse(in: store, models: store, member: "exchange")
            if let replay {
                try await house.replay(replay)
                try await house.catchUp()
            }
            let parked = try await house.parked()
            try show(parked)
            if let again = parked.first(where: { $0.key == replay }) {
                throw CommandFailure(.refused, "'\(again.key)' has stopped again: \(again.reason)")
            }
        }
    }

    private func show(_ parked: [ParkedWork]) throws {
        if json {
            for work in parked { try StandardOutput.json(work) }
            return
        }
        guard !parked.isEmpty else { return try StandardOutput.line("Nothing is parked.") }
        var table = Table(["KEY", "KIND", "WHAT", "WHY", ">TRIES", ">WAITING", "EVENT", "PARKED"])
        for work in parked {
            table.add([
                work.key, work.kind.rawValue, work.what, work.reason, work.tries.grouped, work.waiting.grouped,
                work.event, "\(work.parkedAt)",
            ])
        }
        try StandardOutput.write(table.text)
    }
}
