/// The resting orders of a book: each in the queue of its price level, found by its identifier, removed from the
/// middle of its queue in constant time.
///
/// The orders lie in one array and are linked by their slots in it, so that a copy of a book copies an array and not a
/// web of objects, and a change of one that nobody else holds copies nothing.
struct OrderQueue: Sendable {
    struct Entry: Sendable {
        var order: RestingOrder
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    private var entries: [Entry] = []
    private var free: [Int32] = []
    private var slots: [OrderID: Int32] = [:]

    var count: Int { slots.count }
    var identifiers: Dictionary<OrderID, Int32>.Keys { slots.keys }

    subscript(id: OrderID) -> RestingOrder? {
        guard let slot = slots[id] else { return nil }
        return entries[Int(slot)].order
    }

    subscript(slot: Int32) -> Entry { entries[Int(slot)] }

    /// Puts an order at the end of its level's queue.
    mutating func append(_ order: RestingOrder, to level: inout PriceLevels.Level) {
        let entry = Entry(order: order, previous: level.last)
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
            entries[Int(slot)] = entry
        } else {
            slot = Int32(entries.count)
            entries.append(entry)
        }
        if level.last >= 0 { entries[Int(level.last)].next = slot } else { level.first = slot }
        level.last = slot
        level.orders += 1
        level.quantity += order.remaining
        slots[order.id] = slot
    }

    /// Takes shares from an order, which leaves its queue with the last of them.
    mutating func take(_ quantity: Quantity, from id: OrderID, in level: inout PriceLevels.Level) {
        guard let slot = slots[id] else { return }
        let taken = min(quantity, entries[Int(slot)].order.remaining)
        entries[Int(slot)].order.remaining -= taken
        level.quantity -= taken
        guard entries[Int(slot)].order.remaining == 0 else { return }
        let entry = entries[Int(slot)]
        if entry.previous >= 0 { entries[Int(entry.previous)].next = entry.next } else { level.first = entry.next }
        if entry.next >= 0 { entries[Int(entry.next)].previous = entry.previous } else { level.last = entry.previous }
        level.orders -= 1
        slots[id] = nil
        free.append(slot)
    }
}
