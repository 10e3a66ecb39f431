import ArgumentParser
import DaybookCore

/// `daybook read`: events that are recorded.
struct Read: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the log, or one stream of it.",
        discussion: """
            The whole log comes in the order of positions; a stream in the order of versions, without what its retention \
            hides. With --json, each event is one line, which 'daybook import' takes back.

            EXAMPLES
              daybook read shop.db --limit 20 --backward
              daybook read shop.db --stream order-1 --from v5
              daybook read shop.db --from 2026-01-31T12:00:00Z --category order --tag owner:17 --json
            """)

    @OptionGroup var store: StoreArgument
    @OptionGroup var filter: FilterOptions
    @Option(
        help: ArgumentHelp(
            "Where to begin: start, end, a version (v7), a position (p120) or a time (2026-01-31T12:00:00Z).",
            valueName: "place"))
    var from: ReadStart?
    @Flag(help: "From newer to older; begins at the end unless --from says otherwise.") var backward = false
    @Option(help: "At most so many events.") var limit: Int?
    @Flag(help: "One line of JSON an event.") var json = false

    func validate() throws {
        if case .version = from, filter.stream == nil {
            throw ValidationError("Versions count within a stream: name the --stream, or begin at a position (p120).")
        }
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): ask for at least 1.") }
    }

    func run() async throws {
        let stream = try filter.streamName()
        let filter = try filter.filter()
        let direction: ReadDirection = backward ? .backward : .forward
        let start = from ?? (backward ? .end : .start)
        // A short read asks for no more than it shows.
        let pageSize = min(limit ?? 1000, 1000)
        try await store.withStore { store in
            var printer = EventPrinter(isJSON: json)
            if let stream {
                let events = store.events(
                    of: stream, from: start.streamCursor, direction: direction, pageSize: pageSize)
                let part = EventFilter(
                    types: filter.types, typePrefixes: filter.typePrefixes, tags: filter.tags,
                    includesControlEvents: true)
                try await print(events, with: &printer) { part.matches($0) }
                if printer.count == 0, try await store.state(of: stream).status != .live {
                    StandardError.line(
                        "daybook: stream '\(stream)' is \(try await store.state(of: stream).status.rawValue).")
                }
            } else if let cursor = start.logCursor {
                let events = store.events(from: cursor, direction: direction, filter: filter, pageSize: pageSize)
                try await print(events, with: &printer) { _ in true }
            }
        }
    }

    private func print<Events: AsyncSequence>(
        _ events: Events, with printer: inout EventPrinter, where matches: (RecordedEvent) -> Bool
    ) async throws where Events.Element == RecordedEvent {
        var rest = limit ?? .max
        for try await event in events where matches(event) {
            try await printer.print(event)
            rest -= 1
            if rest == 0 { break }
        }
        try await printer.flush()
    }
}
