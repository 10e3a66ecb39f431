#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What was decided about a stream beside its events: its retention, and whether it is deleted.
///
/// Each change is recorded as an event of the stream's control stream, and carries the whole outcome, so that the
/// last one alone tells the state. The data is a JSON object of those keys that are set: `maxAge` in microseconds,
/// `maxCount`, `truncateBefore`, `deleted`, `tombstoned`.
package struct StreamControl: Sendable, Hashable {
    package var retention: Retention
    package var isDeleted: Bool
    package var isTombstoned: Bool

    package init(retention: Retention = .unlimited, isDeleted: Bool = false, isTombstoned: Bool = false) {
        self.retention = retention
        self.isDeleted = isDeleted
        self.isTombstoned = isTombstoned
    }

    package static let retentionSet: EventType = "$retention-set"
    package static let streamDeleted: EventType = "$stream-deleted"
    package static let streamTombstoned: EventType = "$stream-tombstoned"

    /// The state of a stream with this control and this last version. A deleted stream that was written since is live.
    package func state(lastVersion: StreamVersion?) -> StreamState {
        let status: StreamState.Status
        if isTombstoned {
            status = .tombstoned
        } else if isDeleted, (lastVersion?.next ?? .first) <= (retention.truncateBefore ?? .first) {
            status = .deleted
        } else {
            status = lastVersion == nil ? .missing : .live
        }
        return StreamState(status: status, lastVersion: lastVersion, retention: retention)
    }

    /// The control after an action, and the event that records it; nil for an append of events.
    package func applying(
        _ write: StreamWrite, lastVersion: StreamVersion?
    ) -> (control: StreamControl, event: NewEvent)? {
        var control = self
        let type: EventType
        switch write.action {
        case .append: return nil
        case .setRetention(let retention):
            control.retention = retention
            if isDeleted, let truncated = self.retention.truncateBefore {  // What was deleted stays hidden.
                control.retention.truncateBefore = max(truncated, retention.truncateBefore ?? .first)
            }
            type = Self.retentionSet
        case .delete:
            control.isDeleted = true
            control.retention.truncateBefore = lastVersion?.next ?? .first
            type = Self.streamDeleted
        case .tombstone:
            control.isTombstoned = true
            type = Self.streamTombstoned
        }
        return (control, NewEvent(type: type, data: control.encoded(), metadata: write.metadata))
    }

    package func encoded() -> [UInt8] {
        var text = JSONObjectText()
        text.add("maxAge", retention.maxAge.map { Timestamp(microseconds: 0).advanced(by: $0).microseconds })
        text.add("maxCount", retention.maxCount)
        text.add("truncateBefore", retention.truncateBefore?.rawValue)
        text.add("deleted", isDeleted)
        text.add("tombstoned", isTombstoned)
        let bytes = text.finished()
        return bytes.isEmpty ? Array("{}".utf8) : bytes
    }

    private struct Stored: Decodable {
        var maxAge: Int64?
        var maxCount: Int64?
        var truncateBefore: Int64?
        var deleted: Bool?
        var tombstoned: Bool?
    }

    /// Nil when the bytes are not what ``encoded()`` writes.
    package init?(decoding bytes: some Collection<UInt8>) {
        guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(bytes)) else { return nil }
        self.init(
            retention: Retention(
                maxAge: stored.maxAge.map { .microseconds($0) }, maxCount: stored.maxCount,
                truncateBefore: stored.truncateBefore.map { StreamVersion($0) }),
            isDeleted: stored.deleted ?? false, isTombstoned: stored.tombstoned ?? false)
    }
}
