/// A view that queries read, whichever version of a read model answers: what it shows of the old version, and of the new one.
///
/// ```swift
/// SQLVersionedView(
///     "current_balances", key: ["account"],
///     old: "SELECT account, amount FROM balances", new: "SELECT account, amount FROM balances_2")
/// ```
///
/// Both return columns of the same names. A column that only the new version has is added to the view after the switch, once
/// there is nothing more to compare.
public struct SQLVersionedView: Sendable, Hashable {
    public var name: String
    /// The columns whose values no two rows of a version share; empty for a query of one row.
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

    var oldRows: SQLQuery { SQLQuery(old, key: key) }
    var newRows: SQLQuery { SQLQuery(new, key: key) }
}
