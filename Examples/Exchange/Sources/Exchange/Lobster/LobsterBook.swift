/// The row of a LOBSTER order book file that seeds an import: the book after the first message.
///
/// The format is `ask_price,ask_size,bid_price,bid_size` for each level, best first, without a header. Empty places
/// hold a price of 9999999999 (ask) or -9999999999 (bid) and a size of 0.
public struct LobsterBook: Sendable, Hashable {
    public var bids: [Quote.Level] = []
    public var asks: [Quote.Level] = []

    private static let emptyPlace: Int64 = 9_999_999_999

    public init(line: some Collection<UInt8>) throws(InvalidLobsterLine) {
        let fields = CommaSeparatedFields(line: line)
        guard fields.count > 0, fields.count.isMultiple(of: 4) else {
            throw .incompleteLevels(fields: fields.count)
        }
        for index in stride(from: 0, to: fields.count, by: 4) {
            if let ask = try Self.level(fields, index, "ask", empty: Self.emptyPlace) { asks.append(ask) }
            if let bid = try Self.level(fields, index + 2, "bid", empty: -Self.emptyPlace) { bids.append(bid) }
        }
    }

    private static func level(
        _ fields: CommaSeparatedFields, _ index: Int, _ side: String, empty: Int64
    ) throws(InvalidLobsterLine) -> Quote.Level? {
        let name = "\(side)_price_\(index / 4 + 1)"
        guard let price = Int64(String(decoding: fields[index], as: UTF8.self)) else {
            throw .notANumber(field: name, text: InvalidLobsterLine.shown(fields[index]))
        }
        guard let size = Int64(String(decoding: fields[index + 1], as: UTF8.self)) else {
            throw .notANumber(
                field: "\(side)_size_\(index / 4 + 1)", text: InvalidLobsterLine.shown(fields[index + 1]))
        }
        if price == empty && size == 0 { return nil }
        guard Price.allowed.contains(Price(price)) else { throw .priceOutOfBounds(price) }
        guard QuantityLimits.allowed.contains(size) else { throw .sizeOutOfBounds(size) }
        return Quote.Level(price: Price(price), quantity: size)
    }

    /// The book before a message, given the book after it: the opening of the session whose first message it is.
    ///
    /// So the first message is recorded as every other one is, and the order that it names is known by name.
    public func undoing(
        _ report: VenueReport, instrument: Instrument, session: Session
    ) throws(InvalidLobsterLine) -> Opening {
        var book = self
        switch report {
        case .submitted(_, let side, let price, let quantity): book.add(-quantity, side, price)
        case .reduced(_, let side, let price, let quantity), .deleted(_, let side, let price, let quantity),
            .executed(_, let side, let price, let quantity):
            book.add(quantity, side, price)
        case .hiddenExecuted, .auctioned, .halted, .quotingResumed, .resumed: break
        }
        let opening = Opening(instrument: instrument, session: session, bids: book.bids, asks: book.asks)
        do { try opening.check() } catch { throw .unusableBook(error.description) }
        return opening
    }

    private mutating func add(_ quantity: Quantity, _ side: Side, _ price: Price) {
        var levels = side == .buy ? bids : asks
        if let index = levels.firstIndex(where: { $0.price == price }) {
            levels[index].quantity += quantity
            if levels[index].quantity <= 0 { levels.remove(at: index) }
        } else if quantity > 0 {
            let index = levels.firstIndex { side.prefers(price, to: $0.price) } ?? levels.count
            levels.insert(Quote.Level(price: price, quantity: quantity), at: index)
        }
        if side == .buy { bids = levels } else { asks = levels }
    }
}
