import ArgumentParser
import DaybookCore
import DaybookSQLite
import Foundation

/// `daybook scavenge`: removes events that nobody can read in their streams any more.
struct Scavenge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove truncated, expired and deleted events for good; their room is used again.",
        discussion: """
            Removed are events that are hidden from the readers of their streams: by a truncation, a count, an age, or a \
            deletion. Positions and versions stay as they are. The last event of each stream stays, and so do settings and \
            the receipts of commands. Keep a backup when you may want them back.

            Events that a checkpoint, a read model or a consumer group in the file has not seen stay, and the report names \
            it. Consumers that keep their position in another database are not known here: use --through for them.

            Can be stopped at any moment, and run again to do the rest. The file keeps its size, and later appends fill it; \
            --compact makes it smaller, for which it needs free room for two copies of what is left.

            EXAMPLES
              daybook scavenge shop.db --dry-run
              daybook scavenge shop.db
              daybook scavenge shop.db --through 250000 --compact
              daybook scavenge shop.db --ignore-consumer old-report
              daybook scavenge --server daybook://shop.example:2113 --dry-run
            """)

    @OptionGroup var store: StoreArgument
    @Option(help: "Leave every event behind this position.") var through: Int64?
    @Option(
        name: .customLong("ignore-consumer"),
        help: ArgumentHelp(
            "Remove also what this checkpoint, read model or consumer group has not seen; may be given several times.",
            valueName: "name"))
    var ignoredConsumers: [String] = []
    @Flag(help: "Remove also what any of them has not seen.") var ignoreConsumers = false
    @Flag(help: "Make the file smaller at the end.") var compact = false
    @Flag(help: "Remove nothing; tell what would be removed.") var dryRun = false
    @Flag(help: "One JSON object.") var json = false

    func validate() throws {
        if let through, through < 0 { throw ValidationError("A position is 0 or more; --through is \(through).") }
    }

    func run() async throws {
        var options = UpkeepTask.Scavenging()
        options.through = through.map { Position($0) }
        options.ignoredConsumers = Set(ignoredConsumers)
        options.ignoresConsumers = ignoreConsumers
        options.compacts = compact
        options.isDryRun = dryRun
        let report = try await scavenge(options)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return try await StandardOutput.shared.write(Array(try encoder.encode(report)) + Array("\n".utf8))
        }
        try await StandardOutput.shared.write(text(of: report))
    }

    private func scavenge(_ options: UpkeepTask.Scavenging) async throws -> ScavengeReport {
        let title = dryRun ? "Counting" : "Scavenging"
        guard !store.isOnServer else { return try await store.upkeep(.scavenging(options), title) }
        let bar = ProgressBar(title, unit: "events")
        return try await store.withFile { store in
            defer { bar.finish() }
            do throws(ScavengeError) {
                return try await store.scavenge(ScavengeOptions(options)) { bar.update(done: $0, total: $1) }
            } catch {
                throw CommandFailure(error)
            }
        }
    }

    private func text(of report: ScavengeReport) -> String {
        var text = dryRun ? "Would remove " : "Removed "
        text += "\(report.events.grouped) events (\(report.bytes.byteSize)) of \(report.streams.grouped) streams.\n"
        if compact, !dryRun {
            text += "The file has \(report.fileBytesAfter.byteSize); it had \(report.fileBytesBefore.byteSize).\n"
        }
        if report.heldBack > 0 {
            text += "Held back: \(report.heldBack.grouped) events that have not been seen by\n"
            for consumer in report.consumers {
                text += "  \(consumer.name.printable), at position \(consumer.position)\n"
            }
        }
        return text
    }
}

extension CommandFailure {
    init(_ error: ScavengeError) {
        switch error {
        case .unreadable(let cause): self.init(CommandFailure(cause).code, error.description)
        case .noRoom, .storageFailed, .cancelled, .closed: self.init(.inputOutput, error.description)
        }
    }
}
