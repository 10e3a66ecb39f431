import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Changes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists what was written between two moments of the log, stream by stream.",
        discussion: """
            Each stream that was written in between, in the order in which it was first written, with the versions and the \
            numbers of its events. Moments are those of 'exchange help accounts'; 'exchange accounts --since' tells what \
            became of the accounts.

            EXAMPLE
              exchange changes --since p5000 --as-of p6000 --store day.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("List what was written after this moment.", valueName: "moment"))
    var since: String

    @Option(help: ArgumentHelp("List what was written by this moment.", valueName: "moment"))
    var asOf = "latest"

    @Option(help: "How many streams to list.")
    var limit = 20

    @Flag(help: "Print one JSON object a line, one for each stream.")
    var json = false

    func validate() throws {
        for moment in [since, asOf] { try LogMoment.check(moment) }
        try LogMoment.checkOrder(since: since, asOf: asOf)
        guard limit > 0 else { throw ValidationError("--limit is \(limit): ask for at least 1.") }
    }

    func run() async throws {
        guard let earlier = LogMoment(since), let later = LogMoment(asOf) else { return }
        try await store.withStore(creates: false) { store in
            try await LogMoment.checkOrder(since: since, asOf: asOf, in: store)
            let difference = try await LogDifference(of: store, from: earlier, to: later)
            if json {
                for change in difference.streams.prefix(limit) { try StandardOutput.json(ChangeDocument(change)) }
            } else {
                try show(difference)
            }
        }
    }

    private func show(_ difference: LogDifference) throws {
        guard let positions = difference.positions else { return try StandardOutput.line("Nothing was written.") }
        let count = difference.eventCounts.values.reduce(0, +)
        try StandardOutput.line(
            "\(count.grouped) events of \(difference.streams.count.grouped) streams, at positions "
                + "\(positions.lowerBound) to \(positions.upperBound)")
        var table = Table(["STREAM", ">FROM", ">TO", "EVENTS"])
        for change in difference.streams.prefix(limit) {
            let events = change.eventCounts.sorted { $0.key < $1.key }.map { "\($0.value.grouped) \($0.key)" }
            table.add([
                change.stream.rawValue, "\(change.versions.lowerBound)", "\(change.versions.upperBound)",
                events.joined(separator: ", "),
            ])
        }
        try StandardOutput.write(table.text)
        if difference.streams.count > limit {
            try StandardOutput.line("\((difference.streams.count - limit).grouped) more: see --limit.")
        }
    }
}

/// What was written to a stream, for programs.
private struct ChangeDocument: Encodable {
    var stream: StreamName
    var firstVersion: StreamVersion
    var lastVersion: StreamVersion
    /// How many of each type.
    var events: [String: Int]

    init(_ change: LogDifference.StreamChange) {
        stream = change.stream
        firstVersion = change.versions.lowerBound
        lastVersion = change.versions.upperBound
        events = Dictionary(uniqueKeysWithValues: change.eventCounts.map { ($0.key.rawValue, $0.value) })
    }
}
