import DaybookCore

/// What the writing thread has done since the store was opened, to be looked at from any thread.
final class WriterMeasures: Sendable {
    /// From the first append of a group to the end of its sync.
    let commitTimes = MetricHistogram()
    /// Appends that shared a commit, refused ones too; of commits that had one.
    let appendsTogether = MetricHistogram(.things, bounds: MetricHistogram.sizes)
    /// Events that a commit recorded; of commits that recorded one.
    let eventsTogether = MetricHistogram(.things, bounds: MetricHistogram.sizes)
    /// What writing a part of the index added to a commit.
    let indexSliceTimes = MetricHistogram()
    /// How long copying the write-ahead log into the database took, while appends waited.
    let walCheckpointTimes = MetricHistogram()
}
