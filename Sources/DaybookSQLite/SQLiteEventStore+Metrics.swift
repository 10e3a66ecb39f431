import DaybookCore

extension SQLiteEventStore: MetricReporting {
    /// What is told at once of the file, the index, the caches and the threads. What takes a walk through the file, such as the
    /// sizes of tables, ``statistics(includingTables:)`` tells.
    package func addMetrics(to text: inout MetricText) async throws(ReadError) {
        let figures = try await read { reader, _ throws(StoreFailure) in try reader.figures() }
        add(figures, to: &text)
        addIndexLevels(figures.levels, to: &text)
        addConnections(to: &text)
        addWriter(to: &text)
    }

    private func add(_ figures: LogReader.Figures, to text: inout MetricText) {
        text.add("daybook_store_file_bytes", .gauge, "The database file.", Int(figures.fileBytes))
        text.add(
            "daybook_store_unused_bytes", .gauge, "Bytes of the file that nothing is in, and appends will use.",
            Int(figures.unusedBytes))
        text.add("daybook_store_archive_bytes", .gauge, "The archives beside the file.", Int(figures.archiveBytes))
        text.add("daybook_store_names", .gauge, "Streams, types and tags that were ever named.", Int(figures.names))
        text.add("daybook_store_commands", .gauge, "Commands whose result is remembered.", Int(figures.commands))
        text.add(
            "daybook_store_indexed_position", .gauge, "Up to where the index is in the file.",
            Int(figures.indexedThrough))
    }

    private func addIndexLevels(_ levels: [IndexLevelStatistics], to text: inout MetricText) {
        text.begin("daybook_store_index_segments", .gauge, "Segments of the index; each is a look-up more.")
        for level in levels { text.add(level.segments, Self.labels(of: level)) }
        text.begin("daybook_store_index_blocks", .gauge, "Blocks of the segments.")
        for level in levels { text.add(Int(level.blocks), Self.labels(of: level)) }
        text.begin("daybook_store_index_positions", .gauge, "Positions that the segments cover.")
        for level in levels { text.add(Int(level.positions), Self.labels(of: level)) }
    }

    private static func labels(of level: IndexLevelStatistics) -> MetricText.Labels { [("level", "\(level.level)")] }

    private func addConnections(to text: inout MetricText) {
        let connections = (committer.currentStatus.connection.map { [$0] } ?? []) + readers.statistics
        func add(
            _ name: String, _ kind: MetricText.Kind, _ help: String, _ value: (ConnectionStatistics) -> Int
        ) {
            text.begin(name, kind, help)
            for connection in connections { text.add(value(connection), [("connection", connection.connection)]) }
        }
        add("daybook_store_cache_bytes", .gauge, "Pages in the cache of a connection.") { Int($0.cacheBytes) }
        add("daybook_store_cache_hits_total", .counter, "Pages found in the cache.") { Int($0.cacheHits) }
        add("daybook_store_cache_misses_total", .counter, "Pages read from the file, or mapped.") {
            Int($0.cacheMisses)
        }
        add("daybook_store_names_cached", .gauge, "Names that a connection remembers.") { $0.namesCached }
    }

    private func addWriter(to text: inout MetricText) {
        let status = committer.currentStatus
        let measures = committer.measures
        text.add(
            "daybook_store_failed", .gauge, "Whether nothing can be written any more.", status.failure == nil ? 0 : 1)
        text.add("daybook_store_wal_pages", .gauge, "Pages in the write-ahead log.", status.walPages)
        text.add("daybook_store_writes_waiting", .gauge, "Writes that wait for the writer.", committer.waitingCount)
        text.add("daybook_store_reads_waiting", .gauge, "Reads that wait for a reader.", readers.waitingCount)
        text.begin(
            "daybook_store_commit_duration_seconds", .histogram,
            "From the first write of a group to the end of its sync.")
        text.add(measures.commitTimes)
        text.begin("daybook_store_commit_appends", .histogram, "Appends that shared a commit, and so a sync.")
        text.add(measures.appendsTogether)
        text.begin("daybook_store_commit_events", .histogram, "Events that a commit recorded.")
        text.add(measures.eventsTogether)
        text.begin(
            "daybook_store_index_slice_duration_seconds", .histogram,
            "What writing a part of the index added to a commit.")
        text.add(measures.indexSliceTimes)
        text.begin(
            "daybook_store_wal_checkpoint_duration_seconds", .histogram,
            "Copying the write-ahead log into the database, while writes wait.")
        text.add(measures.walCheckpointTimes)
    }
}
