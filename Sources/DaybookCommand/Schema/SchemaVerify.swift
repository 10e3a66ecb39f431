import ArgumentParser
import Daybook
import DaybookCore

/// `daybook schema verify`: whether every event of a log has the shape that the lock gives its type and version.
struct SchemaVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every event of a log against a schema lock.",
        discussion: """
            Lists events of types and versions that are not locked, and events whose data has another shape, by position, \
            with counts by type. Ends with exit code 2 when there are any. To decode a log through the code of a program \
            instead, use DecodingReport in that program.

            EXAMPLES
              daybook schema verify shop.db --lock schema.lock.json
              daybook schema verify shop.db --lock schema.lock.json --category order --json
            """)

    @OptionGroup var store: StoreArgument
    @OptionGroup var lock: SchemaLockArgument
    @OptionGroup var options: FilterOptions
    @Option(help: "How many failures to list; all are counted.") var limit = 100
    @Flag(help: "One line of JSON a failure, then one for each type and version, and one for the totals.")
    var json = false

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit is \(limit): ask for 0 or more.") }
        guard options.stream == nil else {
            throw ValidationError("--stream does not go with this verb: use --stream-prefix or --category.")
        }
    }

    func run() async throws {
        let reader = SchemaLockReader(try lock.read())
        let filter = try options.filter()
        let bar = ProgressBar("Checking", unit: "events")
        let report = try await store.withStore { store in
            defer { bar.finish() }
            return try await DecodingReport(reading: store, by: reader, filter: filter, keepingFirst: limit) {
                bar.update(done: $0.rawValue, total: $1.rawValue)
            }
        }
        let kinds = report.eventCounts.keys.sorted()
        try await StandardOutput.shared.offer(json ? Self.lines(report, kinds) : Self.text(report, kinds))
        let failures = report.failureCounts.values.reduce(0, +)
        guard failures == 0 else {
            throw CommandFailure(
                .damageFound,
                "\(failures.grouped) events are not as the lock says: lock their types and versions, or find out who "
                    + "wrote them. Nothing was changed.")
        }
    }

    private static func text(_ report: DecodingReport, _ kinds: [DecodingReport.Kind]) -> [UInt8] {
        var text = ""
        if !report.failures.isEmpty {
            var table = Table([
                .init(title: "POSITION", alignment: .right), .init(title: "STREAM"), .init(title: "TYPE"),
                .init(title: "PROBLEM"),
            ])
            text += table.text(
                of: report.failures.map {
                    [$0.position.description, $0.stream.rawValue, "\($0.type) v\($0.schemaVersion)", problem($0)]
                })
            text += "\n"
        }
        var table = Table([
            .init(title: "TYPE"), .init(title: "VERSION", alignment: .right),
            .init(title: "EVENTS", alignment: .right), .init(title: "FAILURES", alignment: .right),
        ])
        text += table.text(
            of: kinds.map {
                [
                    $0.type.rawValue, "\($0.schemaVersion)", (report.eventCounts[$0] ?? 0).grouped,
                    (report.failureCounts[$0] ?? 0).grouped,
                ]
            })
        return Array(text.utf8)
    }

    private static func problem(_ failure: EventDecodingError) -> String {
        switch failure.cause {
        case .unknownType: "The type is not locked."
        case .newerSchema(let known): "The lock knows up to version \(known)."
        case .notLifted(let reason), .notLowered(let reason), .undecodableData(let reason): reason
        }
    }

    private static func lines(_ report: DecodingReport, _ kinds: [DecodingReport.Kind]) -> [UInt8] {
        var bytes: [UInt8] = []
        for failure in report.failures {
            var line = JSONLine()
            line.add("position", failure.position.rawValue)
            line.add("stream", failure.stream.rawValue)
            line.add("version", failure.version.rawValue)
            line.add("type", failure.type.rawValue)
            line.add("schemaVersion", Int64(failure.schemaVersion))
            line.add("problem", problem(failure))
            bytes += line.finished()
        }
        for kind in kinds {
            var line = JSONLine()
            line.add("type", kind.type.rawValue)
            line.add("schemaVersion", Int64(kind.schemaVersion))
            line.add("events", Int64(report.eventCounts[kind] ?? 0))
            line.add("failures", Int64(report.failureCounts[kind] ?? 0))
            bytes += line.finished()
        }
        var line = JSONLine()
        line.add("events", Int64(report.eventCounts.values.reduce(0, +)))
        line.add("failures", Int64(report.failureCounts.values.reduce(0, +)))
        return bytes + line.finished()
    }
}
