#if Server
/// Whose turn it is among the clients of a group.
struct ConsumerSelection: Sendable {
    private let strategy: ConsumerStrategy
    /// In the order in which they came.
    private var order: [GroupClient.ID] = []
    /// Whose turn it is, by its place in the order.
    private var turn = 0
    /// Which client the events of each pin go to.
    private var owners: [GroupClient.ID?]

    init(_ strategy: ConsumerStrategy) {
        self.strategy = strategy
        owners = strategy.isPinned ? Array(repeating: nil, count: GroupEvent.pins) : []
    }

    mutating func add(_ client: GroupClient.ID) {
        order.append(client)
        guard strategy.isPinned else { return }
        var shares = self.shares
        var wanted = owners.count / order.count
        for pin in owners.indices where wanted > 0 {
            if let owner = owners[pin] {
                // Only from those that have more than their part, so that few pins change hands.
                guard shares[owner, default: 0] > owners.count / order.count else { continue }
                shares[owner, default: 0] -= 1
            }
            owners[pin] = client
            wanted -= 1
        }
        for pin in owners.indices where owners[pin] == nil { owners[pin] = client }
    }

    mutating func remove(_ client: GroupClient.ID) {
        guard let index = order.firstIndex(of: client) else { return }
        order.remove(at: index)
        if index < turn { turn -= 1 }
        if turn >= order.count { turn = 0 }
        guard strategy.isPinned else { return }
        var shares = self.shares
        for pin in owners.indices where owners[pin] == client {
            let heir = order.min { shares[$0, default: 0] < shares[$1, default: 0] }
            owners[pin] = heir
            if let heir { shares[heir, default: 0] += 1 }
        }
    }

    private var shares: [GroupClient.ID: Int] {
        owners.reduce(into: [:]) { shares, owner in
            if let owner { shares[owner, default: 0] += 1 }
        }
    }

    /// The client that an event goes to; nil when whoever could take it is full.
    mutating func next(pin: Int?, among clients: [GroupClient.ID: GroupClient]) -> GroupClient.ID? {
        switch strategy {
        case .dispatchToSingle:
            return order.first { clients[$0]?.hasRoom == true }
        case .roundRobin:
            for step in order.indices {
                let index = (turn + step) % order.count
                guard clients[order[index]]?.hasRoom == true else { continue }
                turn = (index + 1) % order.count
                return order[index]
            }
            return nil
        case .pinned, .pinnedByCorrelation:
            guard let pin, let owner = owners[pin], clients[owner]?.hasRoom == true else { return nil }
            return owner
        }
    }
}
#endif
