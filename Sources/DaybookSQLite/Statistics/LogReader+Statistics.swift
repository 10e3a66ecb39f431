import CSQLite
import DaybookCore
import Foundation

extension LogReader {
    /// What this reader's connection has in memory.
    func connectionStatistics(named name: String) -> ConnectionStatistics {
        func status(_ figure: Int32) -> Int64 {
            var current: Int32 = 0
            var highest: Int32 = 0
            sqlite3_db_status(connection.handle, figure, &current, &highest, 0)
            return Int64(current)
        }
        return ConnectionStatistics(
            connection: name, cacheBytes: status(SQLITE_DBSTATUS_CACHE_USED),
            cacheHits: status(SQLITE_DBSTATUS_CACHE_HIT),
            cacheMisses: status(SQLITE_DBSTATUS_CACHE_MISS), namesCached: names.cachedCount)
    }

    /// What the file tells of itself.
    ///
    /// - Complexity: O(names); O(bytes of the file) with the tables.
    func statistics(head: Int64, includingTables: Bool) throws(StoreFailure) -> StoreStatistics {
        do {
            func count(_ kind: NameKind, _ condition: String = "") throws(SQLiteFailure) -> Int64 {
                try connection.integer("SELECT count(*) FROM names WHERE kind = \(kind.rawValue) \(condition)") ?? 0
            }
            let removed = try scavenged.count()
            let archived = try archives.all()
            return StoreStatistics(
                path: file, sqliteVersion: String(cString: sqlite3_libversion()), fileBytes: size(""),
                walBytes: size("-wal"), head: Position(head), events: head - removed, scavenged: removed,
                archivedThrough: Position(archived.last?.positions.upperBound ?? 0),
                archiveBytes: archived.reduce(0) { $0 + $1.bytes },
                missingArchives: archived.filter {
                    ArchiveFile.bytes(of: ArchiveFile.path($0.name, beside: file)) != $0.bytes
                }.map(\.name),
                streams: try count(.stream, "AND substr(text, 1, 2) <> '$$'"), eventTypes: try count(.type),
                tags: try count(.tag), commands: try connection.integer("SELECT count(*) FROM commits") ?? 0,
                indexedThrough: Position(index.segments.last?.last ?? 0), indexSegments: index.segments.count,
                indexBlocks: index.segments.reduce(0) { $0 + $1.blocks }, indexLevels: levels, writer: nil,
                connections: [], tables: includingTables ? try tables() : nil, failure: nil)
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: false)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .damaged(position: nil, stream: nil, reason: "\(error)")
        }
    }

    /// The size of the file, or of one beside it.
    func size(_ suffix: String) -> Int64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file + suffix)
        return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    }

    /// The segments of the index by level.
    var levels: [IndexLevelStatistics] {
        var levels: [Int64: IndexLevelStatistics] = [:]
        for segment in index.segments {
            var level =
                levels[segment.level]
                ?? IndexLevelStatistics(level: segment.level, segments: 0, blocks: 0, positions: 0)
            level.segments += 1
            level.blocks += segment.blocks
            level.positions += segment.last - segment.first + 1
            levels[segment.level] = level
        }
        return levels.values.sorted { $0.level < $1.level }
    }

    /// Walks all pages (https://sqlite.org/dbstat.html).
    private func tables() throws(SQLiteFailure) -> [TableStatistics]? {
        guard sqlite3_compileoption_used("ENABLE_DBSTAT_VTAB") != 0 else { return nil }
        // Rows are the cells of leaves. The tree of a table WITHOUT ROWID has rows in its inner pages as well.
        let statement = try connection.prepare(
            """
            SELECT s.name, sum(CASE WHEN s.pagetype = 'leaf' OR (s.pagetype = 'internal' AND m.withoutRowid)
                THEN s.ncell ELSE 0 END), sum(s.pgsize), sum(s.payload)
            FROM dbstat s LEFT JOIN (SELECT name, type = 'index' OR sql LIKE '%WITHOUT ROWID%' AS withoutRowid
                FROM sqlite_master) m ON m.name = s.name
            GROUP BY s.name ORDER BY 3 DESC, 1
            """)
        var found: [TableStatistics] = []
        while try statement.step() {
            found.append(
                TableStatistics(
                    table: statement.text(0), rows: statement.integer(1), bytes: statement.integer(2),
                    payloadBytes: statement.integer(3)))
        }
        return found
    }
}
