/// Counts what the writing thread does, and how long it takes.
struct WriterMeter {
    /// The same for whoever looks at any time, without asking the thread.
    let measures = WriterMeasures()
    private var appends: Int64 = 0
    private var derivedChanges: Int64 = 0
    private var groups = Histogram()
    private var commitNanoseconds = Histogram()
    private var committing = Duration.zero
    private var indexSliceNanoseconds = Histogram()
    private var longestWALCheckpoint = Duration.zero

    /// - Parameter events: How many were recorded.
    mutating func commit(of group: [GroupCommitter.Job], events: Int64, took duration: Duration) {
        guard !group.isEmpty else { return }
        var appended = 0
        for job in group {
            switch job {
            case .append: appended += 1
            case .derived: derivedChanges += 1
            case .importing, .reindex, .inspect, .upkeep: break
            }
        }
        appends += Int64(appended)
        measures.commitTimes.record(duration)
        if appended > 0 { measures.appendsTogether.record(appended) }
        if events > 0 { measures.eventsTogether.record(Int(events)) }
        groups.add(Int64(group.count))
        commitNanoseconds.add(duration.nanoseconds)
        committing += duration
    }

    mutating func indexSlice(took duration: Duration) {
        indexSliceNanoseconds.add(duration.nanoseconds)
        measures.indexSliceTimes.record(duration)
    }

    mutating func walCheckpoint(took duration: Duration) {
        longestWALCheckpoint = max(longestWALCheckpoint, duration)
        measures.walCheckpointTimes.record(duration)
    }

    func statistics(walPages: Int) -> WriterStatistics {
        func milliseconds(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1e6 }
        return WriterStatistics(
            commits: groups.total, appends: appends, derivedChanges: derivedChanges, largestGroup: groups.largest,
            medianGroup: groups.value(atOrAbove: 0.5),
            commitMillisecondsMean: groups.total > 0 ? committing / .milliseconds(1) / Double(groups.total) : 0,
            commitMillisecondsP50: milliseconds(commitNanoseconds.value(atOrAbove: 0.5)),
            commitMillisecondsP99: milliseconds(commitNanoseconds.value(atOrAbove: 0.99)),
            commitMillisecondsLongest: milliseconds(commitNanoseconds.largest),
            indexSlices: indexSliceNanoseconds.total,
            indexSliceMillisecondsP99: milliseconds(indexSliceNanoseconds.value(atOrAbove: 0.99)),
            indexSliceMillisecondsLongest: milliseconds(indexSliceNanoseconds.largest),
            walCheckpointMillisecondsLongest: milliseconds(longestWALCheckpoint.nanoseconds),
            walPages: Int64(walPages))
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
