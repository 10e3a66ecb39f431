import DaybookCore
import Foundation
import GRDB

/// Copies of a read model's rows in a folder, one for each position at which they were kept.
struct SQLSnapshots: Sendable {
    let folder: URL
    private let prefix: String

    init(of model: ReadModelName, in folder: URL) {
        self.folder = folder
        // Of letters and digits alone, so that a point ends the name.
        prefix = (model.rawValue.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "") + "."
    }

    /// By position.
    func list() throws -> [(position: Position, file: URL)] {
        try files().compactMap { file in
            let name = file.lastPathComponent
            guard name.hasPrefix(prefix), name.hasSuffix(Self.suffix),
                let position = Int64(name.dropFirst(prefix.count).dropLast(Self.suffix.count))
            else { return nil }
            return (Position(position), file)
        }
        .sorted { $0.position < $1.position }
    }

    /// The last one at or before a position.
    func nearest(through position: Position) throws -> (position: Position, file: URL)? {
        try list().last { $0.position <= position }
    }

    /// Keeps a copy of a database. It appears under its name when it is whole and synced.
    func keep(_ database: ScratchDatabase, at position: Position) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try removeUnfinished()
        let unfinished = folder.appendingPathComponent("\(EventID())\(Self.unfinishedSuffix)")
        defer { try? FileManager.default.removeItem(at: unfinished) }
        // A rollback journal and `synchronous=FULL`, as SQLite opens a new file: its end is a sync.
        let copy = try DatabaseQueue(path: unfinished.path)
        try database.queue.backup(to: copy)
        withExtendedLifetime(database) {}
        try copy.close()
        let file = folder.appendingPathComponent("\(prefix)\(position.rawValue)\(Self.suffix)")
        guard rename(unfinished.path, file.path) == 0 else {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: file.path])
        }
    }

    func delete(through position: Position) throws {
        for (_, file) in try list().filter({ $0.position <= position }) { try FileManager.default.removeItem(at: file) }
        try removeUnfinished()
    }

    /// Removes what processes left that were killed: what nobody has written to for an hour.
    private func removeUnfinished() throws {
        for file in try files() where file.lastPathComponent.contains(Self.unfinishedSuffix) {
            let changed = try? file.resourceValues(forKeys: [.contentModificationDateKey]).contentModificationDate
            guard let changed, changed.timeIntervalSinceNow < -3_600 else { continue }
            try? FileManager.default.removeItem(at: file)
        }
    }

    private func files() throws -> [URL] {
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: [.contentModificationDateKey])
    }

    private static let suffix = ".sqlite"
    private static let unfinishedSuffix = ".unfinished"
}
