import ArgumentParser
import DaybookCore

/// `daybook import`: an export of a log, or a process log.
struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Import an export, or a process log in XES or CSV; make the file when it is missing.",
        discussion: """
            An export comes back as it was: streams, versions, identifiers, data, metadata, tags, retentions and deletions. \
            Positions and recorded times are the target's own; control events get new identifiers.

            In a process log, each case is a stream (the case's name behind --category), each activity an event type, and \
            the timestamp is the event's $occurredAt in the metadata. The other attributes become the data; those of a case \
            stand under "case" in the data of its first event.

            An import may be interrupted and run again: what is there already is recognised and not written twice. It stops \
            at the first bad line, unless --skip-bad-lines is given; what stands before it has been imported.

            EXAMPLES
              daybook import copy.db --from shop.ndjson.gz
              daybook import loans.db --from bpic2012.xes.gz --category loan
              daybook import permits.db --from receipt.csv --case-column case:concept:name
            """)

    @OptionGroup var store: StoreArgument
    @OptionGroup var sync: DurabilityOption
    @Option(
        help: ArgumentHelp("The input; '-' is standard input, and '.gz' is unpacked.", valueName: "input"),
        completion: .file())
    var from: String
    @Option(help: "What the input is written in; the file's name tells when left out.") var format: InputFormat?
    @Option(help: "The category of the streams that cases become.") var category = "case"
    @Option(help: "The column of a CSV that names the case.") var caseColumn = "case:concept:name"
    @Option(help: "The column of a CSV that names the activity.") var activityColumn = "concept:name"
    @Option(help: "The column of a CSV that has the time.") var timeColumn = "time:timestamp"
    @Flag(help: "Report bad lines and go on, instead of stopping at the first.") var skipBadLines = false
    @Flag(help: "The totals as one JSON object.") var json = false

    func validate() throws {
        guard format ?? InputFormat(fileName: from) != nil else {
            throw ValidationError("The name '\(from)' does not tell its format: give --format ndjson, xes or csv.")
        }
        do { _ = try Category(category) } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        let source = try ByteSource.open(from)
        let category = try Category(category)
        let format = format ?? InputFormat(fileName: from) ?? .ndjson
        let totals = try await store.withStore(creates: true, durability: sync.durability) { store in
            switch format {
            case .ndjson: try await run(EventLineSource(source), into: store)
            case .xes: try await run(XESSource(source, category: category), into: store)
            case .csv:
                try await run(
                    CSVSource(
                        source, category: category, caseColumn: caseColumn, activityColumn: activityColumn,
                        timeColumn: timeColumn), into: store)
            }
        }
        try await StandardOutput.shared.write(json ? Self.line(totals) : Array((Self.text(totals) + "\n").utf8))
    }

    private func run(_ source: some ImportSource, into store: any EventStore) async throws -> LogImport.Totals {
        let bar = ProgressBar("Importing", unit: "events")
        defer { bar.finish() }
        var importer = LogImport(store: store, skipsBadLines: skipBadLines)
        importer.report = { error in
            bar.finish()
            StandardError.line("daybook: skipped: \(error)")
        }
        importer.progress = { bar.update(done: Int64($0), share: $1) }
        do { return try await importer.run(source) } catch let error as MalformedInput {
            throw CommandFailure(
                .malformedInput,
                error.canContinue
                    ? "\(error) Correct it and import again, or give --skip-bad-lines."
                    : "\(error) Correct it and import again.")
        }
    }

    static func text(_ totals: LogImport.Totals) -> String {
        var text = "\(totals.events.grouped) events, \(totals.streams.grouped) streams begun"
        if totals.controls > 0 { text += ", \(totals.controls.grouped) of them retentions and deletions" }
        if totals.repeated > 0 { text += "; \(totals.repeated.grouped) events were there before" }
        if totals.skipped > 0 { text += "; \(totals.skipped.grouped) bad lines skipped" }
        return text + "."
    }

    private static func line(_ totals: LogImport.Totals) -> [UInt8] {
        var line = JSONLine()
        line.add("events", totals.events)
        line.add("streams", totals.streams)
        line.add("controls", totals.controls)
        line.add("repeated", totals.repeated)
        line.add("skipped", totals.skipped)
        return line.finished()
    }
}
