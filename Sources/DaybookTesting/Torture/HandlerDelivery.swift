/// One delivery of an event under ``HandlerTorture``.
struct HandlerDelivery: Sendable, Equatable {
    enum Fate: Sendable, Equatable {
        case handled
        case crashBefore
        case crashAfter
    }

    /// From 0.
    let event: Int
    var fate = Fate.handled
    /// How many turns it waits, beside those of other keys; nil when everything waits for it.
    var turns: Int?

    /// All deliveries that follow from some steps: the events of a key in their order, each at least once, and none
    /// again when a later one of its key has been delivered.
    static func all(of keys: [String], under steps: [HandlerTortureStep]) -> [HandlerDelivery] {
        var deliveries = keys.indices.map { HandlerDelivery(event: $0) }

        /// Where a delivery may go from a place: behind a later event, and before the next of its own key.
        func place(behind event: Int, from start: Int) -> Int? {
            guard let last = deliveries.lastIndex(where: { $0.event == event }), last >= start else { return nil }
            let key = keys[deliveries[start].event]
            let next = deliveries[(start + 1)...].firstIndex {
                keys[$0.event] == key && $0.event != deliveries[start].event
            }
            return min(last + 1, next ?? deliveries.count)
        }

        for step in steps where keys.indices.contains(step.event - 1) {
            guard let index = deliveries.firstIndex(where: { $0.event == step.event - 1 }) else { continue }
            switch step {
            case .crashBefore: deliveries.insert(HandlerDelivery(event: step.event - 1, fate: .crashBefore), at: index)
            case .crashAfter: deliveries.insert(HandlerDelivery(event: step.event - 1, fate: .crashAfter), at: index)
            case .duplicate(_, let after):
                guard let place = place(behind: after - 1, from: index) else { continue }
                deliveries.insert(HandlerDelivery(event: step.event - 1), at: place)
            case .delay(_, let turns): deliveries[index].turns = turns
            case .postpone(_, let behind):
                guard let place = place(behind: behind - 1, from: index), place > index + 1 else { continue }
                let delivery = deliveries.remove(at: index)
                deliveries.insert(delivery, at: place - 1)
            }
        }
        return deliveries
    }
}
