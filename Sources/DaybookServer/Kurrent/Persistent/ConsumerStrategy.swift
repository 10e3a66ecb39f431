#if Server
/// How events are shared among the clients of a group.
enum ConsumerStrategy: String, Sendable, Codable, CaseIterable {
    /// To one client until it is full, then to the next.
    case dispatchToSingle = "DispatchToSingle"
    /// To each in turn, passing over those that are full.
    case roundRobin = "RoundRobin"
    /// Those of one stream to one client.
    case pinned = "Pinned"
    /// Those of one `$correlationId` to one client; of events without, those of one stream.
    case pinnedByCorrelation = "PinnedByCorrelation"

    var isPinned: Bool { self == .pinned || self == .pinnedByCorrelation }
}
#endif
