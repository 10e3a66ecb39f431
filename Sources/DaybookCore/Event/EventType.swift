/// What kind of fact an event states, named in the past tense: `account.deposited`.
public struct EventType: BoundedName {
    public static let kind = "event type"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }
}
