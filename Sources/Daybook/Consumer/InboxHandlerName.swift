import DaybookCore

/// Names a handler in an ``Inbox``: each handler takes an event once.
public struct InboxHandlerName: BoundedName {
    public static let kind = "inbox handler name"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }
}
