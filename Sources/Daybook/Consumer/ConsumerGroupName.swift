import DaybookCore

/// Names a consumer group. Its state is kept as a read model named `$consumer-` and this name.
public struct ConsumerGroupName: BoundedName {
    public static let kind = "consumer group name"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }

    /// Where the state of the group is kept.
    var model: ReadModelName { ReadModelName(unchecked: "$consumer-" + rawValue) }
}
