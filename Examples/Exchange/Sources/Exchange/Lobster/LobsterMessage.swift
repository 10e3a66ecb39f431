/// One line of a LOBSTER message file: what the venue reported, and when.
///
/// The format is `time,type,order_id,size,price,direction`, without a header; see the package's README.
public struct LobsterMessage: Sendable, Hashable {
    /// Nanoseconds after midnight, by the venue's clock.
    public var time: Int64
    public var report: VenueReport

    /// Reads a line, with or without its line end.
    ///
    /// - Complexity: O(bytes); no Foundation.
    public init(line: some Collection<UInt8>) throws(InvalidLobsterLine) {
        let fields = CommaSeparatedFields(line: line)
        guard fields.count == 6 else { throw .fields(expected: 6, found: fields.count) }
        time = try Self.time(fields[0])
        let type = try Self.integer(fields[1], named: "type")
        guard (1...7).contains(type) else { throw .unknownType(type) }
        if type == 7 {
            _ = try Self.integer(fields[2], named: "order_id")
            _ = try Self.integer(fields[3], named: "size")
            let mark = try Self.integer(fields[4], named: "price")
            _ = try Self.integer(fields[5], named: "direction")
            switch mark {
            case -1: report = .halted
            case 0: report = .quotingResumed
            case 1: report = .resumed
            default: throw .unknownHalt(mark)
            }
            return
        }
        let id = try Self.integer(fields[2], named: "order_id")
        let size = try Self.integer(fields[3], named: "size")
        guard QuantityLimits.allowed.contains(size) else { throw .sizeOutOfBounds(size) }
        let price = Price(try Self.integer(fields[4], named: "price"))
        guard Price.allowed.contains(price) else { throw .priceOutOfBounds(price.rawValue) }
        let side: Side
        switch try Self.integer(fields[5], named: "direction") {
        case 1: side = .buy
        case -1: side = .sell
        case let direction: throw .unknownDirection(direction)
        }
        guard id > 0 || type == 5 || type == 6 else { throw .orderOutOfBounds(id) }
        let order = OrderID(id)
        switch type {
        case 1: report = .submitted(order, side, price, size)
        case 2: report = .reduced(order, side, price, size)
        case 3: report = .deleted(order, side, price, size)
        case 4: report = .executed(order, side, price, size)
        case 5: report = .hiddenExecuted(side, price, size)
        default: report = .auctioned(price, size)
        }
    }

    private static func integer(_ field: [UInt8], named name: String) throws(InvalidLobsterLine) -> Int64 {
        guard let value = Int64(String(decoding: field, as: UTF8.self)) else {
            throw .notANumber(field: name, text: InvalidLobsterLine.shown(field))
        }
        return value
    }

    /// Seconds after midnight, as nanoseconds. Decimals after the ninth are dropped: some files have them, left over
    /// from binary fractions.
    private static func time(_ field: [UInt8]) throws(InvalidLobsterLine) -> Int64 {
        let parts = field.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty, whole.allSatisfy(isDigit),
            parts.count == 1 || !parts[1].isEmpty && parts[1].allSatisfy(isDigit)
        else { throw .notANumber(field: "time", text: InvalidLobsterLine.shown(field)) }
        guard let seconds = Int64(String(decoding: whole, as: UTF8.self)), seconds < 86_400 else {
            throw .timeOutOfBounds(InvalidLobsterLine.shown(field))
        }
        var value = seconds
        for index in 0..<9 {
            let digit = parts.count == 2 ? parts[1].dropFirst(index).first : nil
            value = value * 10 + Int64((digit ?? UInt8(ascii: "0")) - UInt8(ascii: "0"))
        }
        return value
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// The fields of a line between its commas, without the line end.
struct CommaSeparatedFields {
    private let fields: [[UInt8]]

    init(line: some Collection<UInt8>) {
        var bytes = Array(line)
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        fields =
            bytes.isEmpty
            ? [] : bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(Array.init)
    }

    var count: Int { fields.count }
    subscript(index: Int) -> [UInt8] { fields[index] }
}
