#if JetStream
import DaybookCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What was decided about a stream beside its events: its retention, and whether it is deleted.
///
/// Each change is recorded as an event of the stream's control stream, and carries the whole outcome, so that the
/// last one alone tells the state. The data is a JSON object of those keys that are set: `maxAge` in microseconds,
/// `maxCount`, `truncateBefore`, `deletedBefore`, `tombstoned`.
struct StreamControl: Sendable, Hashable {
    var retention: Retention
    /// The events below this version were deleted, and no retention brings them back; nil when none ever were.
    var deletedBefore: StreamVersion?
    var isTombstoned: Bool

    init(
        retention: Retention = .unlimited, deletedBefore: StreamVersion? = nil, isTombstoned: Bool = false
    ) {
        self.retention = retention
        self.deletedBefore = deletedBefore
        self.isTombstoned = isTombstoned
    }

    static let retentionSet: EventType = "$retention-set"
    static let streamDeleted: EventType = "$stream-deleted"
    static let streamTombstoned: EventType = "$stream-tombstoned"

    /// The state of a stream with this control and this last version. A deleted stream that was written since is live.
    func state(lastVersion: StreamVersion?) -> StreamState {
        var shown = retention
        if let deletedBefore { shown.truncateBefore = max(deletedBefore, retention.truncateBefore ?? .first) }
        let status: StreamState.Status
        if isTombstoned {
            status = .tombstoned
        } else if let deletedBefore, (lastVersion?.next ?? .first) <= deletedBefore {
            status = .deleted
        } else {
            status = lastVersion == nil ? .missing : .live
        }
        return StreamState(status: status, lastVersion: lastVersion, retention: shown)
    }

    /// The control after an action, and the event that records it; nil for an append of events.
    func applying(
        _ write: StreamWrite, lastVersion: StreamVersion?
    ) -> (control: StreamControl, event: NewEvent)? {
        var control = self
        let type: EventType
        switch write.action {
        case .append: return nil
        case .setRetention(let retention):
            control.retention = retention
            type = Self.retentionSet
        case .delete:
            control.deletedBefore = lastVersion?.next ?? .first
            control.retention.truncateBefore = nil  // Else one above it would hide the stream when it is begun anew.
            type = Self.streamDeleted
        case .tombstone:
            control.isTombstoned = true
            type = Self.streamTombstoned
        }
        return (control, NewEvent(type: type, data: control.encoded(), metadata: write.metadata))
    }

    func encoded() -> [UInt8] {
        var text = JSONObjectText()
        text.add("maxAge", retention.maxAge.map { Timestamp(microseconds: 0).advanced(by: $0).microseconds })
        text.add("maxCount", retention.maxCount)
        text.add("truncateBefore", retention.truncateBefore?.rawValue)
        text.add("deletedBefore", deletedBefore?.rawValue)
        text.add("tombstoned", isTombstoned)
        let bytes = text.finished()
        return bytes.isEmpty ? Array("{}".utf8) : bytes
    }

    private struct Stored: Decodable {
        var maxAge: Int64?
        var maxCount: Int64?
        var truncateBefore: Int64?
        var deletedBefore: Int64?
        var tombstoned: Bool?
    }

    /// Nil when the bytes are not what ``encoded()`` writes.
    init?(decoding bytes: some Collection<UInt8>) {
        guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(bytes)) else { return nil }
        self.init(
            retention: Retention(
                maxAge: stored.maxAge.map { .microseconds($0) }, maxCount: stored.maxCount,
                truncateBefore: stored.truncateBefore.map { StreamVersion($0) }),
            deletedBefore: stored.deletedBefore.map { StreamVersion($0) },
            isTombstoned: stored.tombstoned ?? false)
    }
}
#endif
