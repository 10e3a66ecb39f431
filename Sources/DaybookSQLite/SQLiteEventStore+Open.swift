import CDaybookSQLite
import CSQLite
import DaybookCore
import Foundation

extension SQLiteEventStore {
    /// How a store works. The defaults are safe, and fit most.
    public struct Configuration: Sendable {
        /// Whether a file that is not there is made.
        public var createsFile = true
        /// Threads that read, each with a connection of its own. At least 1.
        public var readerCount = 2
        /// Pages of the file that each connection keeps in memory, in bytes.
        public var cacheBytes = 64 << 20
        /// Bytes of the file, from its beginning, that each reading thread maps into memory instead of copying them page by
        /// page. 0: none. Makes reads of a log that is larger than the cache faster, as long as the system's memory holds
        /// it; on the other hand a bad sector then ends the process (`SIGBUS`), where a read would have thrown.
        public var memoryMappedBytes: Int64 = 0
        /// Names and streams that are remembered, on each connection; about 150 bytes each.
        public var cachedNames = 100_000
        /// What has happened when an append is acknowledged.
        public var durability = Durability.everyCommit
        /// Appends are refused when the disk has less room than this, in bytes, so that what must be written in any
        /// case still can be. 0: only the disk itself refuses.
        public var freeSpaceReserve: Int64 = 32 << 20
        /// Index entries that gather in memory before they are written to the file behind the commits; about 30 bytes
        /// each, four or more for each event.
        public var indexEntriesInMemory = 200_000
        /// Who copies the write-ahead log into the database.
        public var walCheckpoints = WALCheckpoints.byStore
        /// Tests share a file between processes whatever the version of SQLite, on files that may be lost.
        package var acceptsWALResetBug = false
        /// Where recorded times come from.
        public var time = TimeSource.system
        /// Read models that change in the transaction of every append. Opening first brings each up to the log's end.
        public var inlineReadModels: [any InlineReadModel] = []
        /// The name of a registered SQLite VFS, through which all access to the file goes; the platform's when nil.
        public var fileSystem: String?

        /// What drives the store's loops.
        package var scheduling: any Scheduling = ThreadScheduling()
        /// Jobs that one transaction takes at most.
        package var jobsPerTransaction = 4096
        /// Pages of the write-ahead log from which on it is copied into the database when nobody waits, and in any case.
        package var walPagesWhenIdle = 4_000
        package var walPages = 16_000
        /// Index entries that one commit takes along.
        package var indexEntriesPerCommit = 4096

        /// What the caches of all connections, and the index entries that are not in the file yet, may take in memory, in
        /// bytes: about 250 MiB by default. What is under way comes on top: pages that are read, appends that wait.
        public var cacheBytesInAll: Int64 {
            let connections = Int64(readerCount) + 1
            // While one generation of index entries is written, another gathers.
            return connections * (Int64(cacheBytes) + 150 * Int64(cachedNames)) + 2 * 30 * Int64(indexEntriesInMemory)
        }

        public init() {}
    }

    /// Opens a file, or makes it.
    ///
    /// What an earlier process had written is first copied to its place and synced, so that nothing is served that a
    /// power cut could still take away. An index that is missing, behind or damaged is built anew.
    ///
    /// A symbolic link is followed: the store, and what stands beside it, is the file that the link leads to.
    ///
    /// - Complexity: O(segments of the index and the keys in them), ten bits a key; the events themselves
    ///   are not read, but for some 100,000 that the index does not know yet, and those that an inline read model has
    ///   missed.
    public static func open(
        _ path: String, configuration: Configuration = Configuration()
    ) async throws(OpenError) -> SQLiteEventStore {
        try await open(path, configuration, temporaryFolder: nil)
    }

    /// A store in a folder of its own among the system's temporary files, removed when the store is closed or let go.
    public static func temporary(
        configuration: Configuration = Configuration()
    ) async throws(OpenError) -> SQLiteEventStore {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-\(EventID())").path
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw .storageFailed(path: folder, reason: "\(error)")
        }
        return try await open(folder + "/log.daybook", configuration, temporaryFolder: folder)
    }

    private static func open(
        _ path: String, _ configuration: Configuration, temporaryFolder: String?
    ) async throws(OpenError) -> SQLiteEventStore {
        let result: Result<Owned<SQLiteEventStore>, OpenError> = await withUnsafeContinuation { continuation in
            configuration.scheduling.run {
                let opened = Result { () throws(OpenError) in
                    Owned(try StoreOpening(path, configuration).open(temporaryFolder: temporaryFolder))
                }
                continuation.resume(returning: opened)
            }
        }
        return try result.get().value
    }
}

/// The steps of opening a file.
private struct StoreOpening {
    let path: String
    let configuration: SQLiteEventStore.Configuration

    init(_ path: String, _ configuration: SQLiteEventStore.Configuration) {
        self.path = FileLink.target(of: path)
        var configuration = configuration
        // A part of the index that takes none would never come to an end; four times as many are read at an opening.
        configuration.indexEntriesInMemory = min(max(1, configuration.indexEntriesInMemory), .max / 4)
        self.configuration = configuration
    }

    func open(temporaryFolder: String?) throws(OpenError) -> SQLiteEventStore {
        guard configuration.createsFile || FileManager.default.fileExists(atPath: path) else {
            throw .missing(path: path)
        }
        let lock = try OwnerLock(beside: path)
        do {
            return try open(lock, temporaryFolder)
        } catch {
            lock.release()
            throw error
        }
    }

    private func open(_ lock: OwnerLock, _ temporaryFolder: String?) throws(OpenError) -> SQLiteEventStore {
        do {
            // With the weaker durability a power cut may leave later transactions without those before them.
            if configuration.durability == .everyCommit { try checkWAL() }
            if configuration.walCheckpoints == .byStore { try rewriteWAL() } else { try checkSQLiteVersion() }
            let connection = try Connection(
                path: path, readOnly: false, creates: configuration.createsFile,
                fileSystem: configuration.fileSystem, buffersWAL: configuration.durability == .everyCommit)
            try prepare(connection)
            let tail = IndexTail()
            let reader = try LogReader(
                connection, tail: tail, file: path, nameCapacity: configuration.cachedNames,
                fileSystem: configuration.fileSystem)
            let last = try lastNumbers(reader)
            tail.hasScavenged.store(try reader.scavenged.isAny(), ordering: .releasing)
            let (index, reasonNotToAppend) = try openIndex(connection, reader, tail, last)
            // With what is damaged at the end the log was read up to here, so that this is its end.
            let end = LogEnd(last)
            if end.position > 0, try LogEnd(savedIn: connection) != end { try end.save(in: connection) }
            let inline = InlineReadModels(configuration.inlineReadModels, documents: try DocumentTable(connection))
            try inline.catchUp(reader, head: last.position, path: path)
            let recent = RecentEvents()
            let log = try LogWriter(
                connection, reader: reader, recent: recent, last: last, time: configuration.time,
                cacheCapacity: configuration.cachedNames)
            let signal = HeadSignal(head: last.position)
            var readers: [LogReader] = []
            for _ in 0..<max(1, configuration.readerCount) {
                let connection = try Connection(
                    path: path, readOnly: true, creates: false, fileSystem: configuration.fileSystem)
                try connection.execute("PRAGMA wal_autocheckpoint = 0")
                if configuration.walCheckpoints == .byAnotherProcess { try connection.disableCheckpointOnClose() }
                try connection.execute("PRAGMA cache_size = \(-configuration.cacheBytes / 1024)")
                try connection.execute("PRAGMA mmap_size = \(max(0, configuration.memoryMappedBytes))")
                readers.append(
                    try LogReader(
                        connection, tail: tail, file: path, nameCapacity: configuration.cachedNames,
                        fileSystem: configuration.fileSystem))
            }
            let thread = try WriterThread(
                connection, log: log, index: index, inline: inline, head: signal, path: path,
                configuration: configuration, reasonNotToAppend: reasonNotToAppend)
            let scheduling = OwningScheduling(configuration.scheduling, holding: lock)
            return SQLiteEventStore(
                path: path, committer: GroupCommitter(thread, scheduling),
                readers: ReaderPool(readers, scheduling), signal: signal, recent: recent,
                configuration: configuration, ownerLock: lock, temporaryFolder: temporaryFolder)
        } catch let error as OpenError {
            throw error
        } catch let failure as SQLiteFailure {
            throw openError(failure)
        } catch let failure as StoreFailure {
            if case .sqlite(let sqlite) = failure { throw openError(sqlite) }
            throw .corrupted(path: path, reason: failure.reason(file: path))
        } catch {
            throw .storageFailed(path: path, reason: "\(error)")
        }
    }

    private func openError(_ failure: SQLiteFailure) -> OpenError {
        switch failure.primaryCode {
        case SQLITE_NOTADB: .notADaybook(path: path, reason: failure.message)
        case _ where failure.isDamage: .corrupted(path: path, reason: failure.description)
        default: .storageFailed(path: path, reason: failure.description)
        }
    }

    /// Sets what durability depends on, and reads it back; makes the tables of a new file.
    private func prepare(_ connection: Connection) throws {
        let applicationID = try connection.integer("PRAGMA application_id") ?? 0
        let tables = try connection.integer("SELECT count(*) FROM sqlite_master") ?? 0
        let version = try connection.integer("PRAGMA user_version") ?? 0
        guard applicationID == Schema.applicationID || (applicationID == 0 && tables == 0) else {
            throw OpenError.notADaybook(path: path, reason: "application_id \(applicationID), \(tables) tables")
        }
        // A store that is being made has no table yet; one that was full, and is empty, is not told from it.
        guard tables > 0 || configuration.createsFile else {
            throw OpenError.notADaybook(path: path, reason: "it is empty")
        }
        guard version <= Schema.version else {
            throw OpenError.newerFormat(path: path, found: version, known: Schema.version)
        }
        guard (1...Schema.version).contains(version) || tables == 0 else {
            throw OpenError.corrupted(path: path, reason: "its user_version is \(version), not 1 to \(Schema.version)")
        }
        let mode = try connection.text("PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw OpenError.storageFailed(path: path, reason: "the journal mode is '\(mode ?? "")', not 'wal'")
        }
        let synchronous: (name: String, value: Int64) =
            switch configuration.durability {
            case .everyCommit: ("FULL", 2)
            case .mayLoseLatestOnPowerLoss: ("NORMAL", 1)
            }
        try connection.execute("PRAGMA synchronous = \(synchronous.name)")
        try connection.execute("PRAGMA fullfsync = ON")
        try connection.execute("PRAGMA checkpoint_fullfsync = ON")
        guard try connection.integer("PRAGMA synchronous") == synchronous.value else {
            throw OpenError.storageFailed(path: path, reason: "synchronous=\(synchronous.name) was not taken")
        }
        try connection.execute("PRAGMA cache_size = \(-configuration.cacheBytes / 1024)")
        // Nothing of a transaction is written before it commits: of one that is rolled back nothing then lies in the log, where a
        // disk that drops the next write would leave it in the place of what is acknowledged.
        try connection.execute("PRAGMA cache_spill = OFF")
        try connection.execute("PRAGMA temp_store = MEMORY")
        connection.countWALPages()
        if tables == 0 {
            try connection.execute(
                """
                BEGIN IMMEDIATE; \(Schema.log) \(Schema.index)
                PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = \(Schema.version); COMMIT
                """)
        }
        let end = LogEnd(try lastNumbers(connection))
        let saved = try LogEnd(savedIn: connection)
        try compareWithWhatIsKnown(connection, end, saved)
        if end != saved, end.position > 0, try end.isWhole(in: connection) { try end.save(in: connection) }
        switch configuration.walCheckpoints {
        case .byStore: try rewriteTail(connection)
        case .byAnotherProcess: try connection.disableCheckpointOnClose()
        }
        try upgrade(connection)
        if configuration.fileSystem == nil { try FolderSync.sync(folderOf: path) }
        try IndexWriter.makeTables(connection)
    }

    /// Copies the write-ahead log into the database and syncs it: what is in the log may be in the system's memory only,
    /// since its syncs may have failed. On a full disk nothing can be copied; what is there can still be read.
    private func rewriteTail(_ connection: Connection) throws(SQLiteFailure) {
        do {
            try connection.checkpoint(.truncate)
        } catch {
            if !error.isDiskFull { throw error }
        }
    }

    private func checkSQLiteVersion() throws(OpenError) {
        let version = sqlite3_libversion_number()
        guard version >= WALCheckpoints.safeSQLiteVersion || configuration.acceptsWALResetBug else {
            throw .storageFailed(
                path: path,
                reason: "SQLite \(String(cString: sqlite3_libversion())) can damage a file that two processes write to "
                    + "(https://sqlite.org/wal.html#walresetbug): use 3.51.3 or later, or walCheckpoints = .byStore and "
                    + "'daybook backup'")
        }
    }

    /// On a full disk a file of an earlier version stays one: it can be read, and nothing was removed from it.
    private func upgrade(_ connection: Connection) throws(SQLiteFailure) {
        do {
            try Schema.upgrade(connection)
        } catch {
            if !error.isDiskFull { throw error }
        }
    }

    /// Puts on the disk whatever an earlier process had written and may not have been able to sync, before any of it
    /// is copied into the database.
    private func rewriteWAL() throws(SQLiteFailure) {
        let code = daybook_rewrite_wal(configuration.fileSystem, path)
        let failure = SQLiteFailure(code, nil, "rewriting \(path)-wal")
        guard code == SQLITE_OK || failure.isDiskFull else { throw failure }
    }

    /// Refuses a write-ahead log that lost transactions which had been acknowledged: opening would throw away what
    /// stands behind them.
    private func checkWAL() throws {
        var check = DaybookWALCheck()
        let code = daybook_check_wal(configuration.fileSystem, path, &check)
        guard code == SQLITE_OK else { throw SQLiteFailure(code, nil, "reading \(path)-wal") }
        guard check.has_damage else { return }
        let place = check.damaged_frame == 0 ? "the header" : "frame \(check.damaged_frame) of \(check.frames)"
        throw OpenError.corrupted(
            path: path + "-wal",
            reason: "\(place) is not what was written, and whole transactions follow it, the last in frame "
                + "\(check.last_committed_frame); SQLite would leave them out")
    }

    private func lastNumbers(_ connection: Connection) throws(SQLiteFailure) -> LogNumbers {
        var last = LogNumbers()
        last.position = try connection.integer("SELECT max(position) FROM events") ?? 0
        last.name = try connection.integer("SELECT max(id) FROM names") ?? 0
        last.commit = try connection.integer("SELECT max(number) FROM commits") ?? 0
        return last
    }

    private func lastNumbers(_ reader: LogReader) throws -> LogNumbers {
        var last = try lastNumbers(reader.connection)
        // Damaged events at the end must not keep the others from being read: the last whole one tells the time. A number that is
        // damaged may be far from the others, so that only rows that are there are looked at, and behind them ends of archives.
        var position = last.position > 0 ? last.position : nil
        while let place = position, last.recordedAt == .min {
            do {
                let recordedAt = try reader.withRecordIfKept(at: place) { record throws(StoreFailure) in
                    record.recordedAt
                }
                if let recordedAt { last.recordedAt = recordedAt }
            } catch {
                if case .archive = error, place < last.position { break }
                // One that cannot be read now is not damaged.
                guard case .damaged = error else { throw error }
            }
            position =
                try reader.connection.integer("SELECT max(position) FROM events WHERE position < \(place)")
                ?? reader.archives.all().last { $0.positions.upperBound < place }?.positions.upperBound
        }
        return last
    }

    /// Refuses a log that is shorter than something else in the file has seen it.
    private func compareWithWhatIsKnown(_ connection: Connection, _ end: LogEnd, _ saved: LogEnd?) throws {
        func compare(_ known: Int64?, _ by: String) throws(OpenError) {
            if let known, known > end.position {
                throw .logTooShort(path: path, head: end.position, known: known, by: by)
            }
        }
        try compare(connection.integer("SELECT max(head) FROM checkpoints"), "a checkpoint")
        try compare(connection.integer("SELECT max(head) FROM read_models"), "a read model")
        try compare(connection.integer("SELECT max(head) FROM snapshots"), "a snapshot")
        let last = try connection.prepare("SELECT number, record FROM commits ORDER BY number DESC LIMIT 100")
        defer { last.reset() }
        while try last.step() {
            guard let record = try? CommitRecord(last.bytes(1), number: last.integer(0)) else { continue }
            try compare(record.position, "the receipt of command '\(record.command)'")
            if !record.pointsBack { break }  // Those before it lie no further.
        }
        guard let saved else { return }
        try compare(saved.position, "the note of the log's end")
        try compareNumbers(end, name: saved.name, commit: saved.commit, "the note of the log's end")
    }

    /// Refuses a log that has lost its last names or commits: their numbers would be given again, with another meaning.
    private func compareNumbers(_ end: LogEnd, name: Int64, commit: Int64, _ by: String) throws(OpenError) {
        if name > end.name {
            throw .corrupted(path: path, reason: "its names end at number \(end.name), but \(by) knows of \(name)")
        }
        if commit > end.commit {
            throw .corrupted(
                path: path, reason: "its commits end at number \(end.commit), but \(by) knows of \(commit)")
        }
    }

    /// Takes over the index of the file as far as it goes, and reads what it does not know yet into memory.
    private func openIndex(
        _ connection: Connection, _ reader: LogReader, _ tail: IndexTail, _ last: LogNumbers
    ) throws -> (IndexWriter, reasonNotToAppend: String?) {
        do {
            try reader.index.begin(epoch: tail.epoch)
            let segments = reader.index.segments
            for (segment, previous) in zip(segments, [nil] + segments.map(Optional.some)) {
                guard segment.first == (previous?.last ?? 0) + 1 else {
                    throw StoreFailure.indexDamaged("segment \(segment.id) does not follow on the one before")
                }
            }
            if let end = segments.last {
                if end.last > last.position {
                    throw OpenError.logTooShort(path: path, head: last.position, known: end.last, by: "the index")
                }
                try compareNumbers(LogEnd(last), name: end.lastName, commit: end.lastCommit, "the index")
            }
            // Whatever a lookup passes in a segment is checked then; what leads into it is checked and kept here.
            for segment in segments { _ = try reader.index.map(of: segment) }
            let index = try IndexWriter(
                connection, segments: segments, numbersPerSegment: configuration.indexEntriesInMemory,
                numbersPerSlice: configuration.indexEntriesPerCommit)
            try index.findGarbage()
            var done = LogNumbers(
                position: segments.last?.last ?? 0, name: segments.last?.lastName ?? 0,
                commit: segments.last?.lastCommit ?? 0)
            let scanner = try LogScanner(reader, after: done.name)
            var gathered = IndexTail.Generation()
            // A store that stopped leaves at most what gathers in memory while a segment is being written.
            try scanner.gather(
                into: &gathered, from: &done, through: last, atMost: 4 * configuration.indexEntriesInMemory)
            guard done.position == last.position, done.name == last.name, done.commit == last.commit else {
                throw StoreFailure.indexDamaged("the index is far behind the log")
            }
            scanner.finish(&gathered)
            tail.state.withLock { [gathered] in $0.active = gathered }
            reader.forget()
            return (index, try reader.reasonNotToAppend() ?? gathered.misplaced?.reason)
        } catch let failure as StoreFailure {
            guard case .indexDamaged = failure else { throw failure }
            // Rows that are out of order would get in the way of new ones in the same table.
            try IndexWriter.makeTablesAnew(connection)
            let index = try IndexWriter(
                connection, segments: [], numbersPerSegment: configuration.indexEntriesInMemory,
                numbersPerSlice: configuration.indexEntriesPerCommit)
            let scanner = try LogScanner(reader, after: 0)
            try index.rebuild(from: scanner, tail: tail, through: last, progress: nil)
            try reader.index.begin(epoch: tail.epoch)
            reader.forget()
            return (index, try reader.reasonNotToAppend())
        }
    }
}
