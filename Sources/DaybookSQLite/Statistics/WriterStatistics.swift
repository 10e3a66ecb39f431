/// What the writing thread has done since the store was opened.
public struct WriterStatistics: Sendable, Equatable, Codable {
    /// Transactions with at least one append or change of derived state.
    public var commits: Int64
    /// Appends in them, refused ones too.
    public var appends: Int64
    /// Changes of checkpoints, snapshots and read models in them.
    public var derivedChanges: Int64
    /// The most appends and changes that shared a commit.
    public var largestGroup: Int64
    public var medianGroup: Int64
    /// How long commits took, from the first append of the group to the end of the sync, in milliseconds: on average. Half,
    /// and 99 of 100, took no longer than the next two; these may be too high by an eighth.
    public var commitMillisecondsMean: Double
    public var commitMillisecondsP50: Double
    public var commitMillisecondsP99: Double
    public var commitMillisecondsLongest: Double
    /// Commits that also wrote a part of the index, how long that took in 99 of 100 of them, and the longest.
    public var indexSlices: Int64
    public var indexSliceMillisecondsP99: Double
    public var indexSliceMillisecondsLongest: Double
    /// The longest time that copying the write-ahead log into the database took.
    public var walCheckpointMillisecondsLongest: Double
    /// Pages in the write-ahead log after the last commit.
    public var walPages: Int64
}
