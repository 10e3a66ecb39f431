/// Counts what the writing thread does, and how long it takes.
struct WriterMeter {
    private var appends: Int64 = 0
    private var derivedChanges: Int64 = 0
    private var groups = Histogram()
    private var commitNanoseconds = Histogram()
    private var committing = Duration.zero
    private var indexSliceNanoseconds = Histogram()
    private var longestWALCheckpoint = Duration.zero

    mutating func commit(of group: [GroupCommitter.Job], took duration: Duration) {
        guard !group.isEmpty else { return }
        for job in group {
            switch job {
            case .append: appends += 1
            case .derived: derivedChanges += 1
            case .importing, .reindex, .inspect, .upkeep: break
            }
        }
        groups.add(Int64(group.count))
        commitNanoseconds.add(duration.nanoseconds)
        committing += duration
    }

    mutating func indexSlice(took duration: Duration) { indexSliceNanoseconds.add(duration.nanoseconds) }

    mutating func walCheckpoint(took duration: Duration) { longestWALCheckpoint = max(longestWALCheckpoint, duration) }

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
