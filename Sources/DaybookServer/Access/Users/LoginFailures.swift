#if Server
import Synchronization

/// Counts the logins that fail, by where they come from, and forgives one in a while: from an address with too many of them none
/// is looked at, right or wrong.
final class LoginFailures: Sendable {
    private struct Peer {
        /// When all failures are forgiven: each puts it off by ``AccessLimits/forgiveness``.
        var forgiven: ContinuousClock.Instant
    }

    private let peers = Mutex<[String: Peer]>([:])
    private let limit: Int
    private let forgiveness: Duration
    private let mostPeers: Int

    init(
        limit: Int = AccessLimits().failuresPerPeer, forgiveness: Duration = AccessLimits().forgiveness,
        mostPeers: Int = AccessLimits().peersRemembered
    ) {
        self.limit = limit
        self.forgiveness = forgiveness
        self.mostPeers = mostPeers
    }

    func isOverLimit(_ address: String, now: ContinuousClock.Instant = .now) -> Bool {
        peers.withLock { peers in
            guard let peer = peers[address] else { return false }
            return peer.forgiven - now > forgiveness * (limit - 1)
        }
    }

    func add(_ address: String, now: ContinuousClock.Instant = .now) {
        peers.withLock { peers in
            if peers[address] == nil, peers.count >= mostPeers {
                peers = peers.filter { $0.value.forgiven > now }
                if peers.count >= mostPeers { peers.removeAll(keepingCapacity: true) }
            }
            let from = max(peers[address]?.forgiven ?? now, now)
            // No more than what the limit takes to be forgiven, so that nobody waits for hours.
            peers[address] = Peer(forgiven: min(from + forgiveness, now + forgiveness * limit))
        }
    }
}
#endif
