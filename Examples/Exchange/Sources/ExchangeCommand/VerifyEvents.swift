import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct VerifyEvents: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads every event of a store by this program: can it, before it goes into use?",
        discussion: """
            Each event is decoded by the code that books, accounts, processes and read models decode it by, through the \
            upcasters of today. Lists the events that cannot be read, by position, with counts by type and version: of a \
            type that the program does not know, of a newer version, or with data of another shape. Ends with exit code 2 \
            when there are any. Nothing is changed.

            'daybook verify' checks the bytes of the file, and 'daybook schema verify' its events against the lock, without \
            this program.

            EXAMPLE
              exchange verify-events --store day.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: "How many of the events that cannot be read to list; all are counted.")
    var limit = 100

    @Flag(help: "Print one JSON object a line: each failure, then each type and version, then the totals.")
    var json = false

    func validate() throws {
        guard (0...1_000_000).contains(limit) else {
            throw ValidationError("--limit is \(limit): list 0 to 1,000,000.")
        }
    }

    func run() async throws {
        let report = try await store.withStore(creates: false) { store in
            var bar = ProgressBar("Reading", unit: "positions")
            let report = try await DecodingReport(
                reading: ExchangeEvent.self, from: store, filter: .all, keepingFirst: limit
            ) { reached, end in
                bar.update(done: Int(reached.rawValue), total: Int(end.rawValue))
            }
            bar.finish()
            return report
        }
        let kinds = report.eventCounts.keys.sorted().map { KindDocument($0, report) }
        let totals = TotalsDocument(
            events: report.eventCounts.values.reduce(0, +), failures: report.failureCounts.values.reduce(0, +))
        if json {
            for failure in report.failures { try StandardOutput.json(FailureDocument(failure)) }
            for kind in kinds { try StandardOutput.json(kind) }
            try StandardOutput.json(totals)
        } else {
            try show(report.failures.map(FailureDocument.init), kinds, totals)
        }
        guard totals.failures == 0 else {
            throw CommandFailure(
                .damageFound,
                "\(totals.failures.grouped) of \(totals.events.grouped) events cannot be read by this program: add the "
                    + "upcasters, or run the program that wrote them. Nothing was changed.")
        }
    }

    private func show(_ failures: [FailureDocument], _ kinds: [KindDocument], _ totals: TotalsDocument) throws {
        if !failures.isEmpty {
            var table = Table([">POSITION", "EVENT", "TYPE", "PROBLEM"])
            for failure in failures {
                table.add([
                    "\(failure.position)", failure.event, "\(failure.type) v\(failure.schemaVersion)", failure.problem,
                ])
            }
            try StandardOutput.write(table.text)
            try StandardOutput.line()
        }
        var table = Table(["TYPE", ">VERSION", ">EVENTS", ">FAILURES"])
        for kind in kinds {
            table.add([
                kind.type.rawValue, "\(kind.schemaVersion)", kind.events.grouped, kind.failures.grouped,
            ])
        }
        try StandardOutput.write(table.text)
        guard totals.failures == 0 else { return }
        try StandardOutput.line("\nAll \(totals.events.grouped) events can be read by this program.")
    }
}

/// An event that cannot be read, for programs.
private struct FailureDocument: Encodable {
    var kind = "failure"
    var position: Position
    /// Its place: `cash-T017@42`.
    var event: String
    var type: EventType
    var schemaVersion: UInt32
    var problem: String

    init(_ failure: EventDecodingError) {
        position = failure.position
        event = EventReference(stream: failure.stream, version: failure.version).description
        type = failure.type
        schemaVersion = failure.schemaVersion
        problem =
            switch failure.cause {
            case .unknownType: "the program knows no such type"
            case .newerSchema(let known): "the program knows up to version \(known)"
            case .notLifted(let reason), .notLowered(let reason), .undecodableData(let reason): reason
            }
    }
}

/// The events of a type and version, for programs.
private struct KindDocument: Encodable {
    var kind = "type"
    var type: EventType
    var schemaVersion: UInt32
    var events: Int
    var failures: Int

    init(_ kind: DecodingReport.Kind, _ report: DecodingReport) {
        type = kind.type
        schemaVersion = kind.schemaVersion
        events = report.eventCounts[kind] ?? 0
        failures = report.failureCounts[kind] ?? 0
    }
}

private struct TotalsDocument: Encodable {
    var kind = "totals"
    var events: Int
    var failures: Int
}
