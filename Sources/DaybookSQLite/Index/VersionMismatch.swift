/// An event of which the version does not follow on the last one of its stream: found when the index is written.
struct VersionMismatch: Sendable, Equatable {
    /// The number of the stream's name.
    var stream: Int64
    var version: Int64
    var expected: Int64
    var position: Int64

    var reason: String {
        "the event at position \(position) has version \(version) of its stream, where version \(expected) comes next: "
            + "nothing more is recorded; run 'daybook verify', and restore from a backup"
    }
}
