import ArgumentParser
import DaybookCore
import DaybookSQLite
import Foundation

/// `daybook archive`: moves the oldest events into a file of their own.
struct Archive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Move the oldest events into a read-only file beside the store, from which reads still get them.",
        discussion: """
            The file is named after the store and the positions: 'shop.db.archive-1-250000'. It is never changed again, and \
            belongs to the store: move, copy and back up both together. When it is away, its events cannot be read, and all \
            others can. The store's file keeps its size, and later appends fill it; --compact makes it smaller.

            Can be stopped at any moment, and run again. A server's file and archives stay on its machine.

            EXAMPLES
              daybook archive shop.db --through 250000
              daybook archive shop.db --before 2026-01-01T00:00:00Z --compact
              daybook archive --server daybook://shop.example:2113 --through 250000
            """)

    @OptionGroup var store: StoreArgument
    @Option(help: "The last position to move.") var through: Int64?
    @Option(
        help: "Move what was recorded before this time.",
        transform: { text in
            guard let time = Timestamp(text) else {
                throw ValidationError("'\(text)' is no time: write it as 2026-01-01T00:00:00Z.")
            }
            return time
        })
    var before: Timestamp?
    @Flag(help: "Make the store's file smaller at the end.") var compact = false
    @Flag(help: "One JSON object.") var json = false

    func validate() throws {
        guard (through == nil) != (before == nil) else {
            throw ValidationError("Say up to where: either --through a position or --before a time.")
        }
        if let through, through < 1 { throw ValidationError("The first position is 1; --through is \(through).") }
    }

    func run() async throws {
        let end = before.map { UpkeepTask.Archiving.End.before($0) } ?? .through(Position(through ?? 0))
        let report = try await archive(UpkeepTask.Archiving(end, compacts: compact))
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return try await StandardOutput.shared.write(Array(try encoder.encode(report)) + Array("\n".utf8))
        }
        guard let file = report.file, let first = report.first, let last = report.last else {
            return try await StandardOutput.shared.write("Nothing to move.\n")
        }
        try await StandardOutput.shared.write(
            "Moved \(report.events.grouped) events, positions \(first) to \(last), to \(file) (\(report.bytes.byteSize)).\n"
        )
    }

    private func archive(_ task: UpkeepTask.Archiving) async throws -> ArchiveReport {
        guard !store.isOnServer else { return try await store.upkeep(.archiving(task), "Archiving") }
        let bar = ProgressBar("Archiving", unit: "events")
        return try await store.withFile { store in
            defer { bar.finish() }
            do {
                let last = try await Self.last(task.end, in: store)
                let report = try await store.archive(through: last) { bar.update(done: $0, total: $1) }
                if task.compacts { try await store.compact() }
                return report
            } catch let error as ArchiveError {
                throw CommandFailure(error)
            } catch let error as ScavengeError {
                throw CommandFailure(error)
            }
        }
    }

    private static func last(
        _ end: UpkeepTask.Archiving.End, in store: SQLiteEventStore
    ) async throws(ReadError) -> Position {
        switch end {
        case .through(let position): position
        case .before(let time): try await store.lastPosition(before: time)
        }
    }
}

extension CommandFailure {
    init(_ error: ArchiveError) {
        switch error {
        case .unreadable(let cause): self.init(CommandFailure(cause).code, error.description)
        case .exists: self.init(.cannotCreate, error.description)
        case .notWritten, .storageFailed, .cancelled, .closed: self.init(.inputOutput, error.description)
        }
    }
}
