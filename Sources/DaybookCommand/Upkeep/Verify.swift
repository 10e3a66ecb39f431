import ArgumentParser
import DaybookCore
import DaybookSQLite

/// `daybook verify`: reads everything, and lists what is damaged.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read every record and check it; list what is damaged.",
        discussion: """
            Ends with exit code 2 when something is damaged. Other events can still be read; restore the damaged ones from a \
            backup. A server reads its store where it is, for operators, and goes on meanwhile.

            EXAMPLES
              daybook verify shop.db
              daybook verify --server daybook://shop.example:2113
              daybook verify shop.db --json
            """)

    @OptionGroup var store: StoreArgument
    @Flag(help: "One line of JSON a finding, and one for the totals.") var json = false

    func run() async throws {
        let report = try await report()
        if json {
            try await StandardOutput.shared.offer(report.findings.flatMap(Self.line) + Self.totals(report))
        } else if report.isSound {
            try await StandardOutput.shared.offer(
                "\(report.eventsChecked.grouped) events in \(report.streams.grouped) streams checked: all are as recorded.\n"
            )
        } else {
            var table = Table([
                .init(title: "POSITION", alignment: .right), .init(title: "STREAM"), .init(title: "DAMAGE"),
            ])
            try await StandardOutput.shared.offer(
                table.text(
                    of: report.findings.map {
                        [$0.position?.description ?? "", $0.stream?.rawValue ?? "", $0.reason]
                    }))
        }
        guard report.isSound else {
            throw CommandFailure(
                .damageFound,
                "\(report.findingCount.grouped) findings beside \(report.eventsChecked.grouped) whole events: run 'daybook "
                    + "reindex' when they are about the index; otherwise restore the file from a backup. All other "
                    + "events can still be read.")
        }
    }

    private func report() async throws -> VerificationReport {
        guard !store.isOnServer else { return try await store.upkeep(.verification, "Verifying") }
        let bar = ProgressBar("Verifying", unit: "events")
        return try await store.withFile { store in
            defer { bar.finish() }
            return try await store.verify { bar.update(done: $0, total: $1) }
        }
    }

    private static func line(_ finding: VerificationFinding) -> [UInt8] {
        var line = JSONLine()
        if let position = finding.position { line.add("position", position.rawValue) }
        if let stream = finding.stream { line.add("stream", stream.rawValue) }
        line.add("damage", finding.reason)
        return line.finished()
    }

    private static func totals(_ report: VerificationReport) -> [UInt8] {
        var line = JSONLine()
        line.add("eventsChecked", report.eventsChecked)
        line.add("streams", report.streams)
        line.add("findings", report.findingCount)
        return line.finished()
    }
}
