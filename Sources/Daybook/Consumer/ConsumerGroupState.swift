import DaybookCore

/// What the members of a consumer group share: who they are, and which events are not settled.
///
/// A position up to ``scanned`` that is neither in the window nor held is settled: acknowledged, skipped, or not for
/// this group. A key has events in the window or events held, never both.
struct ConsumerGroupState: Sendable, Equatable {
    struct Member: Sendable, Equatable, Codable {
        var name: ConsumerMemberName
        var token: Int64
        var expiresAt: Timestamp
    }

    /// An event whose turn has come, by a member.
    struct Delivery: Sendable, Equatable, Codable {
        var member: Int64
        var fence: Int64
        /// Nil in what a program before this field has saved.
        var since: Timestamp?
    }

    struct Entry: Sendable, Equatable, Codable {
        var position: Position
        var key: ConsumerKey
        /// How often it was delivered, saved before each delivery.
        var deliveries = 0
        var delivery: Delivery?
        /// Not to be delivered before.
        var dueAt: Timestamp?
        /// Whether a member was lost while it had the event, and may have died of it: it is delivered alone, so that the
        /// next death is nobody else's fault.
        var isSuspect: Bool?
        /// Whether it was ever handed over, also when that does not count any more: it was given back, or its key is replayed.
        var wasDelivered: Bool?
    }

    /// A key that stopped at an event. The first event is the one that it stopped at, or the next to be handled.
    struct HeldKey: Sendable, Equatable, Codable {
        struct Parking: Sendable, Equatable, Codable {
            var reason: String
            var parkedAt: Timestamp
        }

        /// Nil while the events are worked off again.
        var parking: Parking?
        var events: [Entry]
    }

    /// Leases and deliveries draw their tokens from here: each is higher than all before.
    var lastToken: Int64 = 0
    /// By token.
    var members: [Int64: Member] = [:]
    /// How far the log was read.
    var scanned: Position
    /// By position, each key's in order.
    var window: [Entry] = []
    var held: [ConsumerKey: HeldKey] = [:]

    init(after position: Position) { scanned = position }

    /// Everything up to here is settled or held.
    var checkpoint: Position { window.first?.position.previous ?? scanned }

    /// Everything up to here is settled: nothing of it will be delivered again.
    var settled: Position {
        held.values.reduce(checkpoint) { min($0, $1.events.first?.position.previous ?? $0) }
    }

    var heldCount: Int { held.values.reduce(0) { $0 + $1.events.count } }

    /// How many more events may be taken in.
    func room(_ policy: ConsumerPolicy) -> Int {
        heldCount >= policy.held ? 0 : max(0, policy.window - window.count)
    }

    /// Whether a member may handle events now.
    func isActive(_ token: Int64, _ policy: ConsumerPolicy) -> Bool {
        !policy.isExclusive || members.keys.min() == token
    }

    func inFlight(of token: Int64) -> Int { deliveries(of: token).count }

    /// The events in the hands of a member, as they were delivered.
    func deliveries(of token: Int64) -> [Delivery] {
        (window.lazy.compactMap(\.delivery) + held.values.lazy.compactMap { $0.events.first?.delivery })
            .filter { $0.member == token }
    }
}
