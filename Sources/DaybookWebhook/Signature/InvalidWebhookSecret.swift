#if Webhook
/// A text that is no ``WebhookSecret``.
public struct InvalidWebhookSecret: Error, Equatable, CustomStringConvertible {
    /// How many bytes it has; nil when it is not base 64.
    public let bytes: Int?

    public init(bytes: Int?) { self.bytes = bytes }

    public var description: String {
        switch bytes {
        case let bytes?: "The webhook secret has \(bytes) bytes: use 24 to 64."
        case nil: "The webhook secret is not base 64: give it as 'whsec_' and the base 64 of 24 to 64 bytes."
        }
    }
}
#endif
