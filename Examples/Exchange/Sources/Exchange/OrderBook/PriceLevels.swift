/// One side of a book: its price levels, sorted, the best one at the end.
///
/// Finding a level takes a binary search; adding or removing one moves the levels that are better, which are few,
/// since orders come and go near the best price.
struct PriceLevels: Sendable {
    struct Level: Sendable {
        let price: Price
        /// All shares at this price, with those of ``opening``.
        var quantity: Quantity = 0
        /// The shares that stood here when the book was opened, of orders without a name. They are first in time.
        var opening: Quantity = 0
        /// The queue of named orders, oldest first: slots of the book's ``OrderQueue``, or -1.
        var first: Int32 = -1
        var last: Int32 = -1
        var orders: Int32 = 0
    }

    let side: Side
    private(set) var levels: [Level] = []

    init(side: Side) { self.side = side }

    var best: Level? { levels.last }

    /// Best first.
    var fromBest: ReversedCollection<[Level]> { levels.reversed() }

    /// Where the level of a price is, or where it would be.
    private func place(of price: Price) -> (index: Int, exists: Bool) {
        var low = 0
        var high = levels.count
        // Most orders are near the best price: look there before searching.
        if let last = levels.last {
            if last.price == price { return (high - 1, true) }
            if side.prefers(price, to: last.price) { return (high, false) }
        }
        while low < high {
            let middle = (low + high) / 2
            let found = levels[middle].price
            if found == price { return (middle, true) }
            if side.prefers(price, to: found) { low = middle + 1 } else { high = middle }
        }
        return (low, false)
    }

    func level(at price: Price) -> Level? {
        let (index, exists) = place(of: price)
        return exists ? levels[index] : nil
    }

    /// Changes the level of a price, which comes into being when it is not there and goes when it is empty after.
    mutating func change(_ price: Price, _ body: (inout Level) -> Void) {
        let (index, exists) = place(of: price)
        if !exists { levels.insert(Level(price: price), at: index) }
        body(&levels[index])
        if levels[index].quantity <= 0 && levels[index].orders == 0 { levels.remove(at: index) }
    }
}
