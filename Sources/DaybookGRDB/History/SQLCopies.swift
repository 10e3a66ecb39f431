import DaybookCore
import Foundation
import GRDB

/// Copies of a read model's database in a folder, one for each position at which it was kept.
struct SQLCopies: Sendable {
    let folder: URL
    private let prefix: String

    init(of model: ReadModelName, in folder: URL) {
        self.folder = folder
        // Of letters and digits alone, so that a point ends the name.
        prefix = (model.rawValue.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "") + "."
    }

    /// By position.
    func list() throws -> [(position: Position, file: URL)] {
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .compactMap { file in
                let name = file.lastPathComponent
                guard name.hasPrefix(prefix), name.hasSuffix(Self.suffix),
                    let position = Int64(name.dropFirst(prefix.count).dropLast(Self.suffix.count))
                else { return nil }
                return (Position(position), file)
            }
            .sorted { $0.position < $1.position }
    }

    /// The last one that takes in nothing behind a position.
    func nearest(through position: Position) throws -> (position: Position, file: URL)? {
        try list().last { $0.position <= position }
    }

    /// Keeps a copy of a database. It appears under its name when it is whole and synced.
    func keep(_ database: ScratchDatabase, at position: Position) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let unfinished = folder.appendingPathComponent("\(EventID()).unfinished")
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
    }

    private static let suffix = ".sqlite"
}
