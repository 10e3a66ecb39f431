import GRDB

/// The values of a row's key, in the order in which SQLite sorts them (https://www.sqlite.org/datatype3.html#comparisons).
struct SQLKey: Sendable, Comparable, CustomStringConvertible {
    let values: [DatabaseValue]

    init(_ values: [DatabaseValue]) { self.values = values }

    static func < (left: SQLKey, right: SQLKey) -> Bool {
        for (first, second) in zip(left.values, right.values) {
            if precedes(first, second) { return true }
            if precedes(second, first) { return false }
        }
        return false
    }

    static func == (left: SQLKey, right: SQLKey) -> Bool { !(left < right) && !(right < left) }

    var description: String { values.map(\.description).joined(separator: ", ") }

    private static func precedes(_ left: DatabaseValue, _ right: DatabaseValue) -> Bool {
        switch (left.storage, right.storage) {
        case (.int64(let left), .int64(let right)): left < right
        case (.int64(let left), .double(let right)): isLess(left, than: right)
        case (.double(let left), .int64(let right)): isGreater(right, than: left)
        case (.double(let left), .double(let right)): left < right
        case (.string(let left), .string(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.blob(let left), .blob(let right)): left.lexicographicallyPrecedes(right)
        default: rank(left) < rank(right)
        }
    }

    // To the last digit, which a whole number of 64 bits may have more of than a Double.

    private static func isLess(_ left: Int64, than right: Double) -> Bool {
        guard let floor = Int64(exactly: right.rounded(.down)) else { return right > 0 }
        return left != floor ? left < floor : Double(floor) < right
    }

    private static func isGreater(_ left: Int64, than right: Double) -> Bool {
        guard let ceiling = Int64(exactly: right.rounded(.up)) else { return right < 0 }
        return left != ceiling ? left > ceiling : Double(ceiling) > right
    }

    private static func rank(_ value: DatabaseValue) -> Int {
        switch value.storage {
        case .null: 0
        case .int64, .double: 1
        case .string: 2
        case .blob: 3
        }
    }
}
