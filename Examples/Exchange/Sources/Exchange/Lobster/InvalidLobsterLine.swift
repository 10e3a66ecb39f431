/// Why a line of a LOBSTER file cannot be read.
public enum InvalidLobsterLine: Error, Hashable, CustomStringConvertible {
    case fields(expected: Int, found: Int)
    case notANumber(field: String, text: String)
    case timeOutOfBounds(String)
    case unknownType(Int64)
    case unknownHalt(Int64)
    case unknownDirection(Int64)
    case orderOutOfBounds(Int64)
    case sizeOutOfBounds(Int64)
    case priceOutOfBounds(Int64)
    /// A seed row whose fields do not come in groups of four.
    case incompleteLevels(fields: Int)
    /// A seed row that is no book: levels out of order, or crossed.
    case unusableBook(String)

    public var description: String {
        switch self {
        case .fields(let expected, let found):
            "it has \(found) fields, and a message has \(expected): time,type,order_id,size,price,direction"
        case .notANumber(let field, let text): "its \(field) is '\(text)', which is not a number"
        case .timeOutOfBounds(let text): "its time is \(text), and a day has seconds 0 to 86399.999999999"
        case .unknownType(let type): "its type is \(type), and types are 1 to 7"
        case .unknownHalt(let price):
            "its type is 7 (trading halt) and its price \(price), which is -1 for a halt, 0 when quoting resumes, "
                + "1 when trading resumes"
        case .unknownDirection(let direction):
            "its direction is \(direction), which is 1 for a buy order and -1 for a sell order"
        case .orderOutOfBounds(let id): "its order_id is \(id), and orders are numbered from 1"
        case .sizeOutOfBounds(let size):
            "its size is \(size), and sizes are \(QuantityLimits.allowed.lowerBound) to \(QuantityLimits.allowed.upperBound)"
        case .priceOutOfBounds(let price):
            "its price is \(price), and prices are \(Price.allowed.lowerBound.rawValue) to "
                + "\(Price.allowed.upperBound.rawValue) (dollars times 10,000)"
        case .incompleteLevels(let fields):
            "it has \(fields) fields, and each level of a book has four: ask_price,ask_size,bid_price,bid_size"
        case .unusableBook(let reason): reason
        }
    }

    /// A field as a message shows it: its first 32 bytes, without control characters.
    static func shown(_ field: some Collection<UInt8>) -> String {
        let text = String(decoding: field.prefix(32), as: UTF8.self)
        return String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
            + (field.count > 32 ? "…" : "")
    }
}
