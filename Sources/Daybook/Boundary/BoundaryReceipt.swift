import DaybookCore

/// What became of a command on several subjects that was carried out.
public struct BoundaryReceipt: Sendable, Hashable {
    /// The streams that were written, each with its last version after the command; none when nothing was decided.
    public var streams: [AppendResult.StreamEnd]
    /// The log up to here holds the command's effect: what ``ReadModel/wait(for:)`` takes to read one's own write.
    public var position: Position
    public var eventCount: Int
    /// When the store recorded the command; nil when it recorded nothing.
    public var recordedAt: Timestamp?
    /// Whether the command had been recorded before, and this is its first result again.
    public var isRepeat: Bool

    /// A command that decided nothing, and left nothing.
    init(nothingAt position: Position) {
        streams = []
        self.position = position
        eventCount = 0
        recordedAt = nil
        isRepeat = false
    }

    /// - Parameter records: Where the command itself was recorded, which is no part of what became of it.
    init(_ result: AppendResult, without records: StreamName?) {
        streams = result.streams.filter { $0.stream != records }
        position = result.position
        eventCount = result.eventCount - (streams.count < result.streams.count ? 1 : 0)
        recordedAt = result.recordedAt
        isRepeat = result.isRepeat
    }
}
