/// Identifies one command for good: the store answers a second append with the same identifier by the first result.
public struct CommandID: BoundedName {
    public static let kind = "command identifier"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }
}
