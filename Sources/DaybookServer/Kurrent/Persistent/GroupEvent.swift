#if Server
import DaybookCore
import Foundation

/// An event on its way through a group.
struct GroupEvent: Sendable {
    enum Origin: Sendable, Hashable {
        /// From what the group reads. All events that were looked at are counted by the sequence, also those that a filter
        /// leaves out.
        case source(sequence: Int64)
        /// From those parked; the revision is that of the link among them. It has no part in the checkpoint.
        case parked(revision: Int64)
    }

    let resolved: ResolvedEvent
    let origin: Origin
    /// The place of what was looked at before it; nil at the beginning.
    let previous: GroupPlace?
    /// Among which events it stays together with, in a group whose events are pinned.
    let pin: Int?
    /// How often it was delivered before.
    var retryCount: Int32 = 0

    /// The event as it was found, which clients answer by: a link, when there is one.
    var original: KurrentEvent { resolved.original }
    var id: EventID { original.event.id }

    /// What it takes of memory, about.
    var bytes: Int { 256 + resolved.payloadBytes }

    /// Parked ones stand before all others, each kind in its order.
    func stands(before other: GroupEvent) -> Bool {
        switch (origin, other.origin) {
        case (.parked(let left), .parked(let right)): left < right
        case (.parked, .source): true
        case (.source, .parked): false
        case (.source(let left), .source(let right)): left < right
        }
    }
}

extension GroupEvent {
    static let pins = 1_024

    /// Which of ``pins`` an event belongs to; nil when the strategy does not ask.
    static func pin(of resolved: ResolvedEvent, by strategy: ConsumerStrategy) -> Int? {
        guard strategy.isPinned else { return nil }
        let event = resolved.event ?? resolved.original
        if strategy == .pinnedByCorrelation, let correlation = correlation(of: event) { return pin(of: correlation) }
        return pin(of: event.linkTarget?.stream ?? event.stream)
    }

    private static func correlation(of event: KurrentEvent) -> String? {
        guard event.event.metadata.first == UInt8(ascii: "{"),
            let object = (try? JSONSerialization.jsonObject(with: Data(event.event.metadata))) as? [String: Any]
        else { return nil }
        return object["$correlationId"] as? String
    }

    /// The same in every process, so that a client that comes back gets the streams that it had. See
    /// http://www.isthe.com/chongo/tech/comp/fnv/
    private static func pin(of text: String) -> Int {
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return Int((hash ^ hash >> 32) % UInt64(pins))
    }
}
#endif
