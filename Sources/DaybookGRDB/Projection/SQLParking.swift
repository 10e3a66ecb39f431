import Daybook
import DaybookCore

/// Which events wait in a transaction, since a key of theirs is parked, and which keys are parked by them.
///
/// An event that has one parked key waits as a whole, and parks its other keys: its rows cannot be written in part. So an
/// event has been missed exactly when a key of it was parked at its position or before.
struct SQLParking<P: SQLProjection> {
    private(set) var keys: ParkedKeys
    private let projection: P
    private let policy: ProjectionFailurePolicy

    init(_ keys: ParkedKeys, of projection: P, _ policy: ProjectionFailurePolicy) {
        self.keys = keys
        self.projection = projection
        self.policy = policy
    }

    /// Whether an event is to wait; its keys are parked then.
    ///
    /// - Parameter failure: Why it cannot be read or applied, if so.
    /// - Throws: ``Refusal`` when it cannot wait.
    mutating func holds(
        _ event: DecodedEvent<P>, _ failure: ProjectionError?, at index: Int
    ) throws -> Bool {
        if failure == nil, keys.isEmpty { return false }
        let (names, failure) = names(of: event, failure)
        let recorded = event.recorded
        guard let names, !names.isEmpty else {
            guard let failure else { return false }
            throw Refusal(index: index, error: failure)
        }
        let held = names.first { keys.contains($0) }
        guard failure != nil || held != nil else { return false }
        let reason = failure?.description ?? Self.waiting(for: held ?? "")
        for name in names where !keys.contains(name) {
            guard keys.count < policy.parkedKeys else {
                let place = ProjectionError.Place(recorded)
                let error: ProjectionError =
                    if policy.parkedKeys == 0 {
                        failure ?? .failed(at: place, reason: "\(reason) And key '\(name)' must not be parked for it.")
                    } else {
                        .tooManyParkedKeys(limit: policy.parkedKeys, at: place, reason: reason)
                    }
                throw Refusal(index: index, error: error)
            }
            keys[name] = ParkedKey(key: name, position: recorded.position, reason: reason)
        }
        return true
    }

    /// Why an event waits that does not fail itself.
    static func waiting(for key: String) -> String { "It waits for key '\(key)', which is parked." }

    /// Whether an event was missed, since its keys are parked.
    ///
    /// - Throws: `ProjectionError.failed` when only some are. All keys of an event are parked by it, and none of an event
    ///   that was applied is at its position: so the projection tells other keys now than it did then.
    func hasMissed(_ event: RecordedEvent, _ names: [String]) throws(ProjectionError) -> Bool {
        let missing = names.filter { name in keys[name].map { $0.position <= event.position } ?? false }
        guard !missing.isEmpty else { return false }
        guard missing.count == names.count else {
            throw .failed(
                at: ProjectionError.Place(event),
                reason: "Of its keys \(names.joined(separator: ", ")), only \(missing.joined(separator: ", ")) are "
                    + "parked, so that it cannot be told whether it was applied: tell the same keys as when they were "
                    + "parked, or delete the read model and build it again.")
        }
        return true
    }

    /// The keys of an event, nil when they cannot be told; and why it cannot be applied, if so.
    func names(
        of event: DecodedEvent<P>, _ failure: ProjectionError?
    ) -> (names: [String]?, failure: ProjectionError?) {
        let recorded = event.recorded
        guard case .undecodable = failure else {
            do {
                return (try event.events.flatMap { try projection.keys(for: $0, recorded: recorded) }, failure)
            } catch {
                let error = ProjectionError.failed(
                    at: ProjectionError.Place(recorded), reason: String(describing: error))
                return (projection.keys(forUnreadable: recorded), failure ?? error)
            }
        }
        return (projection.keys(forUnreadable: recorded), failure)
    }
}

/// An event that was not taken.
struct Refusal: Error {
    var index: Int
    var error: ProjectionError
    /// Whether its keys may be parked instead, if it has any.
    var canBeParked = false
}
