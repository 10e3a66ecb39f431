/// A view that queries read, whichever version of a read model answers: what it shows of the old version, and of the new one.
///
/// ```swift
/// SQLVersionedView(
///     "current_balances", key: ["account"],
///     old: "SELECT account, amount FROM balances", new: "SELECT account, amount FROM balances_2")
/// ```
///
/// Both show the same columns; what a version has more of is left out where versions are compared.
public struct SQLVersionedView: Sendable, Hashable {
    public var name: String
    /// The columns by which rows are told apart.
    public var key: [String]
    /// A `SELECT` without arguments, from tables of the old version.
    public var old: String
    /// The same from tables of the new one.
    public var new: String

    public init(_ name: String, key: [String], old: String, new: String) {
        self.name = name
        self.key = key
        self.old = old
        self.new = new
    }

    var oldRows: SQLRows { SQLRows(old, key: key) }
    var newRows: SQLRows { SQLRows(new, key: key) }
}
