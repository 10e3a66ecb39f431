import DaybookCore
import Foundation

extension SQLiteEventStore: StoreUpkeep {
    package func perform(
        _ task: UpkeepTask, progress: @escaping @Sendable (UpkeepProgress) -> Void
    ) async throws(UpkeepError) -> [UInt8] {
        let working: @Sendable (Int64, Int64) -> Void = { progress(UpkeepProgress(done: $0, total: $1)) }
        do {
            switch task {
            case .statistics(let includesTables):
                return try Self.json(try await statistics(includingTables: includesTables))
            case .verification: return try Self.json(try await verify(progress: working))
            case .reindexing:
                try await reindex(progress: working)
                return try Self.json(ReindexReport(head: try await head()))
            case .scavenging(let wanted):
                return try Self.json(try await scavenge(ScavengeOptions(wanted), progress: working))
            case .archiving(let wanted): return try Self.json(try await archive(wanted, progress: working))
            case .backup(let wanted):
                guard !wanted.replaces || Self.isReplaceable(wanted.destination) else {
                    throw UpkeepError(
                        .cannotCreate,
                        "\(wanted.destination) is no store, and no backup of one: name another destination.")
                }
                let report = try await backup(
                    to: wanted.destination, replacing: wanted.replaces, verifying: wanted.verifies
                ) { step in
                    switch step {
                    case .copying(let bytes, let total): progress(.init(.copying, done: bytes, total: total))
                    case .verifying(let events, let total): progress(.init(.verifying, done: events, total: total))
                    }
                }
                return try Self.json(report)
            }
        } catch {
            throw UpkeepError(upkeep: error)
        }
    }

    /// Whether nothing is at a path, or a store: what else lies in a folder of backups, such as the log of who has read
    /// what, is not replaced for somebody who may only name files there.
    private static func isReplaceable(_ path: String) -> Bool {
        guard FileManager.default.fileExists(atPath: path) else { return true }
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard attributes?[.type] as? FileAttributeType == .typeRegular,
            let file = FileHandle(forReadingAtPath: path)
        else { return false }
        defer { try? file.close() }
        // https://www.sqlite.org/fileformat.html#the_database_header
        guard let header = try? file.read(upToCount: 72), header.count == 72 else { return false }
        let applicationID = header.suffix(4).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return header.starts(with: "SQLite format 3\0".utf8) && applicationID == Schema.applicationID
    }

    private static func json(_ report: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(report))
    }

    private func archive(
        _ wanted: UpkeepTask.Archiving, progress: @escaping @Sendable (Int64, Int64) -> Void
    ) async throws -> ArchiveReport {
        let last: Position
        switch wanted.end {
        case .through(let position): last = position
        case .before(let time): last = try await lastPosition(before: time)
        }
        let report = try await archive(through: last, progress: progress)
        if wanted.compacts { try await compact() }
        return report
    }

    /// The position of the last event that was recorded before a time.
    package func lastPosition(before time: Timestamp) async throws(ReadError) -> Position {
        let page = try await readPage(from: .time(time), direction: .forward, filter: .everything, limit: 1)
        if let first = page.events.first { return first.position.previous }
        return try await head()
    }
}

/// What a new index covers.
package struct ReindexReport: Sendable, Codable {
    package var head: Position

    package init(head: Position) { self.head = head }
}

extension ScavengeOptions {
    package init(_ wanted: UpkeepTask.Scavenging) {
        self.init()
        through = wanted.through
        ignoredConsumers = wanted.ignoredConsumers
        ignoresConsumers = wanted.ignoresConsumers
        compacts = wanted.compacts
        isDryRun = wanted.isDryRun
    }
}

extension UpkeepError {
    fileprivate init(upkeep error: any Error) {
        switch error {
        case let error as UpkeepError: self = error
        case let error as ReadError: self.init(Self.code(error), error.description)
        case let error as ScavengeError: self.init(Self.code(error), error.description)
        case let error as ArchiveError: self.init(Self.code(error), error.description)
        case let error as BackupError: self.init(Self.code(error), error.description)
        default: self.init(.storageFailed, "The report cannot be written: \(error)")
        }
    }

    private static func code(_ error: ReadError) -> Code {
        switch error {
        case .corrupted, .archiveUnreadable: .damaged
        case .cancelled: .cancelled
        case .closed: .closed
        default: .storageFailed
        }
    }

    private static func code(_ error: ScavengeError) -> Code {
        switch error {
        case .unreadable(let cause): code(cause)
        case .noRoom, .storageFailed: .storageFailed
        case .cancelled: .cancelled
        case .closed: .closed
        }
    }

    private static func code(_ error: ArchiveError) -> Code {
        switch error {
        case .unreadable(let cause): code(cause)
        case .exists: .cannotCreate
        case .notWritten, .storageFailed: .storageFailed
        case .cancelled: .cancelled
        case .closed: .closed
        }
    }

    private static func code(_ error: BackupError) -> Code {
        switch error {
        case .destinationExists, .destinationHasWAL, .destinationIsSource: .cannotCreate
        case .destinationInUse: .inUse
        case .damaged: .damaged
        case .sourceUnusable, .noRoom, .sourceDiskFilled, .storageFailed: .storageFailed
        case .cancelled: .cancelled
        case .closed: .closed
        }
    }
}
