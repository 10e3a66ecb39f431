import DaybookCore

/// Names a member of a consumer group. A member that joins puts out whoever had its name: its former self, as a rule,
/// whose events are then delivered again without waiting for the lease to run out.
public struct ConsumerMemberName: BoundedName {
    public static let kind = "consumer member name"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }

    /// A name unlike any other.
    public static func unique() -> ConsumerMemberName { ConsumerMemberName(unchecked: EventID().description) }
}
