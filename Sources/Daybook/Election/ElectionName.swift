import DaybookCore

/// Names a ``LeaderElection``, in 1 to 493 bytes. Its state is kept as that of a consumer group without events.
public struct ElectionName: BoundedName {
    public static let kind = "election name"
    private static let prefix = ReadModelKind.electionPrefix
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }

    public static func fault(in text: String) -> InvalidName.Reason? {
        if text.isEmpty { return .length(0) }
        return ConsumerGroupName.fault(in: prefix + text)
    }

    /// The group whose members stand for election.
    var group: ConsumerGroupName { ConsumerGroupName(unchecked: Self.prefix + rawValue) }
}
