import ArgumentParser
import DaybookCore

/// `daybook follow`: events that are recorded, and then those to come.
struct Follow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Follow the log: what is recorded, then what comes, until Control-C.",
        discussion: """
            When everything recorded has come, 'caught up' is said on standard error; from then on each event is written as \
            it is recorded. One process owns a file, so that a file which another process writes cannot \
            be followed, but through its server.

            EXAMPLES
              daybook follow shop.db --category order --json
              daybook follow shop.db --after 1200 --until-caught-up
              daybook follow --server daybook://shop.example:2113 --category order --json
            """)

    @OptionGroup var store: StoreArgument
    @OptionGroup var filter: FilterOptions
    @Option(help: "Begin behind this position.") var after: Int64 = 0
    @Flag(help: "End when everything recorded has come.") var untilCaughtUp = false
    @Flag(help: "One line of JSON an event.") var json = false

    func validate() throws {
        if after < 0 { throw ValidationError("--after is \(after): positions begin at 1; use 0 for all of them.") }
    }

    func run() async throws {
        let stream = try filter.streamName()
        var filter = try filter.filter()
        if let stream { filter.streamPrefixes.insert(stream.rawValue) }
        let (store, chosen) = (store, filter)
        _ = try await runUntilInterrupted {
            try await store.withStore { try await follow($0, filter: chosen, stream: stream) }
        }
    }

    private func follow(_ store: any EventStore, filter: EventFilter, stream: StreamName?) async throws {
        var printer = EventPrinter(isJSON: json)
        var isLive = false
        for try await item in store.subscribe(after: Position(after), filter: filter) {
            switch item {
            case .event(let event):
                if let stream, event.stream != stream { continue }
                try await printer.print(event)
                if isLive { try await printer.flush() }
            case .checkpoint: continue
            case .caughtUp(let position):
                try await printer.flush()
                StandardError.line("caught up at position \(position)")
                if untilCaughtUp { return }
                isLive = true
            }
        }
    }
}
