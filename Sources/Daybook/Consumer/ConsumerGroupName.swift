import DaybookCore

/// Names a consumer group, in 1 to 502 bytes. Its state is kept as a read model named `$consumer-` and this name.
public struct ConsumerGroupName: BoundedName {
    public static let kind = "consumer group name"
    private static let prefix = ReadModelKind.groupPrefix
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }

    /// With its prefix, the name must be one of a read model.
    public static func fault(in text: String) -> InvalidName.Reason? {
        let bytes = prefix.utf8.count + text.utf8.count
        return bytes > Limits.nameBytes ? .length(bytes) : nil
    }

    /// Where the state of the group is kept.
    var model: ReadModelName { ReadModelName(unchecked: Self.prefix + rawValue) }
}
