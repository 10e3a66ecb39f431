import ArgumentParser
import DaybookCore
import DaybookSQLite

/// `daybook salvage`: copies what is whole in a damaged file into a new one.
struct Salvage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy what is whole in a damaged file into a new one; list what is lost.",
        discussion: """
            For a file that 'daybook verify' finds damaged, or that cannot be opened any more, when there is no backup, or one \
            that is too old. Looks through every page, and through the write-ahead log beside the file, for records whose \
            checksums fit; the file itself is only read. Copy FILE, FILE-wal and FILE-shm away before anything else.

            Saved events keep their positions, versions, times and identifiers. Where one is lost the new file says so to \
            whoever reads over the place: nothing is passed over in silence. Checkpoints, snapshots and read models are left \
            out: they are made anew from the log. Ends with exit code 2 when something is lost.

            EXAMPLES
              daybook salvage shop.db saved.db
              daybook salvage shop.db saved.db --json
              daybook verify saved.db
            """)

    @OptionGroup var store: FileArgument
    @Argument(help: ArgumentHelp("The file to make; it must not exist.", valueName: "new"), completion: .file())
    var newPath: String
    @Flag(help: "One line of JSON for each range of lost positions, and one for the totals.") var json = false

    func run() async throws {
        let path = try store.path()
        let bar = ProgressBar("Salvaging", unit: "pages")
        let report: SalvageReport
        do {
            report = try await SQLiteEventStore.salvage(path, to: newPath) { bar.update(done: $0, total: $1) }
        } catch {
            bar.finish()
            throw CommandFailure(error)
        }
        bar.finish()
        if json {
            try await StandardOutput.shared.offer(report.lostPositions.flatMap(Self.line) + Self.totals(report))
        } else {
            try await StandardOutput.shared.offer(Self.text(report, newPath))
        }
        guard report.isComplete else {
            throw CommandFailure(
                .damageFound,
                "\(report.lostEvents.grouped) events, \(report.lostNames.grouped) names and \(report.lostCommits.grouped) "
                    + "receipts are lost: look for them in a backup. '\(newPath)' can be read; whoever reads over a lost "
                    + "event is told.")
        }
    }

    private static func text(_ report: SalvageReport, _ newPath: String) -> String {
        var lines = [
            "\(report.savedEvents.grouped) events, \(report.savedNames.grouped) names and "
                + "\(report.savedCommits.grouped) receipts saved in \(newPath), through position \(report.head)."
        ]
        if report.namelessEvents > 0 {
            lines.append(
                "\(report.namelessEvents.grouped) saved events cannot be read, since a name of theirs is lost.")
        }
        guard !report.lostPositions.isEmpty else { return lines[0] + "\n" }
        var table = Table([.init(title: "LOST POSITIONS", alignment: .right), .init(title: "STREAM")])
        return lines.joined(separator: "\n") + "\n"
            + table.text(
                of: report.lostPositions.map { lost in
                    [
                        lost.first == lost.last ? "\(lost.first)" : "\(lost.first) to \(lost.last)",
                        lost.stream?.rawValue ?? "not told",
                    ]
                })
    }

    private static func line(_ lost: SalvageReport.LostPositions) -> [UInt8] {
        var line = JSONLine()
        line.add("firstLost", lost.first.rawValue)
        line.add("lastLost", lost.last.rawValue)
        if let stream = lost.stream { line.add("stream", stream.rawValue) }
        return line.finished()
    }

    private static func totals(_ report: SalvageReport) -> [UInt8] {
        var line = JSONLine()
        line.add("head", report.head.rawValue)
        line.add("savedEvents", report.savedEvents)
        line.add("lostEvents", report.lostEvents)
        line.add("namelessEvents", report.namelessEvents)
        line.add("savedNames", report.savedNames)
        line.add("lostNames", report.lostNames)
        line.add("savedCommits", report.savedCommits)
        line.add("lostCommits", report.lostCommits)
        return line.finished()
    }
}

extension CommandFailure {
    init(_ error: SalvageError) {
        let code: ExitCode =
            switch error {
            case .missing: .missingFile
            case .exists: .cannotCreate
            case .owned: .unavailable
            case .nothingFound: .damageFound
            case .storageFailed: .inputOutput
            }
        self.init(code, error.description)
    }
}
