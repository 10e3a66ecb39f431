import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Trade: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes the orders of a day one by one; 'exchange work' settles them, in other processes.",
        discussion: """
            The same traders as in 'exchange simulate' send orders and deletions, which go through the order desk one by one: \
            each holds the cash or shares that it needs, and is matched in its book. Nothing is settled here. That is for any \
            number of 'exchange work', which may run before, meanwhile and afterwards.

            Several processes share a store on a server; a file belongs to one process at a time, so that there the work comes \
            after the trading. A day that was interrupted is gone on with by running it again.

            EXAMPLE
              exchange work --store postgres://… &
              exchange work --store postgres://… &
              exchange trade --orders 2000 --store postgres://…
              exchange reconcile --wait 60 --store postgres://…
            """)

    @Option(help: "How many orders are submitted over all instruments.")
    var orders = 1_000

    @Option(help: "Where the day's chance comes from.")
    var seed: UInt64 = 1

    @Option(help: "How many traders there are.")
    var traders = 100

    @OptionGroup var store: StoreOptions

    func validate() throws {
        guard (1...100_000_000).contains(orders) else {
            throw ValidationError("--orders is \(orders): ask for 1 to 100,000,000.")
        }
        guard (1...400).contains(traders) else { throw ValidationError("--traders is \(traders): ask for 1 to 400.") }
    }

    func run() async throws {
        var configuration = OrderFlow.Configuration()
        configuration.seed = seed
        configuration.orders = orders
        configuration.traders = traders
        var flow = OrderFlow(configuration)
        try await store.withStore(creates: true) { store in
            let day = DeskDay(in: store)
            try await day.open(flow)
            var bar = ProgressBar("Trading", unit: "orders")
            while let round = try flow.nextRound() {
                try await day.submit(round)
                bar.update(done: flow.orderCount, total: orders)
            }
            bar.finish()
            let head = try await store.head()
            try StandardOutput.line("\(flow.orderCount.grouped) orders submitted; the log is at position \(head).")
        }
    }
}
