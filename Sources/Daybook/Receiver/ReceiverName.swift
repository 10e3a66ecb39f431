import DaybookCore

/// Names an ``EventReceiver``, in 1 to 502 bytes. What it has set aside is kept as a read model named `$receiver-` and this
/// name.
public struct ReceiverName: BoundedName {
    public static let kind = "receiver name"
    private static let prefix = "$receiver-"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }

    /// With its prefix, the name must be one of a read model.
    public static func fault(in text: String) -> InvalidName.Reason? {
        let bytes = prefix.utf8.count + text.utf8.count
        return bytes > Limits.nameBytes ? .length(bytes) : nil
    }

    var model: ReadModelName { ReadModelName(unchecked: Self.prefix + rawValue) }
}
