#if Server
import DaybookCore

/// What a group of consumers tells of itself for metrics.
struct GroupFigures: Sendable {
    let clients: Int
    /// Read, and not sent yet.
    let waiting: Int
    /// Sent, and not answered yet.
    let inFlight: Int
    /// To be sent once more.
    let retrying: Int
    /// Sent since the server was started, or the group's settings were changed; also what was sent once more.
    let sent: Int
    /// Up to where all is done, or parked.
    let position: Int64
    /// Nil where that cannot be read.
    let parked: Int64?
}

extension PersistentGroupDriver {
    /// Changes nothing: what clients are told per measurement stays theirs.
    func figures() async -> GroupFigures {
        let bounds = try? await parkedStream.bounds()
        return look { group in
            GroupFigures(
                clients: group.clients.count, waiting: group.waiting.count, inFlight: group.inFlight.count,
                retrying: group.retries.count, sent: Int(group.items.total),
                position: group.position(isAll: name.isAll),
                parked: bounds.map { max(0, $0.upperBound - max($0.lowerBound, group.replayedThrough)) })
        }
    }
}

extension PersistentGroup {
    /// Up to where the log holds nothing that is still to be done.
    fileprivate func position(isAll: Bool) -> Int64 {
        if let done { return done.place.position }
        if let saved = progress.saved { return saved.position }
        return switch settings.start {
        case .end(let position): position
        case .at(let position) where isAll: position
        case .at, .start: 0
        }
    }
}
#endif
