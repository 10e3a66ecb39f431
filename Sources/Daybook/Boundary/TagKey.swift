import DaybookCore

/// Makes the tags of one kind of subject, so that events and decisions spell them the same.
///
/// ```swift
/// enum Tags {
///     static let account = TagKey<AccountID>("account")
/// }
/// Tags.account("42")   // the tag account:42
/// ```
public struct TagKey<Value: CustomStringConvertible>: Sendable {
    public let name: String

    public init(_ name: String) { self.name = name }

    /// The tag of a subject. One of more than ``Limits/nameBytes`` is refused by the store.
    public func callAsFunction(_ value: Value) -> Tag { Tag(unchecked: "\(name):\(value)") }
}
