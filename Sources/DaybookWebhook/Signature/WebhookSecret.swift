#if Webhook
import Crypto
import Foundation

/// What sender and receiver of a webhook share to sign and to verify, in the form of Standard Webhooks: `whsec_` and base 64.
///
/// Give each receiver a secret of its own, and keep it where passwords are kept. Its description does not show it.
public struct WebhookSecret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let key: SymmetricKey

    /// - Parameter text: Base 64 of 24 to 64 bytes, with or without `whsec_` before it.
    /// - Throws: ``InvalidWebhookSecret``, which does not repeat the text.
    public init(_ text: String) throws(InvalidWebhookSecret) {
        let encoded = text.hasPrefix(Self.prefix) ? String(text.dropFirst(Self.prefix.count)) : text
        guard let bytes = Data(base64Encoded: encoded) else { throw InvalidWebhookSecret(bytes: nil) }
        guard (24...64).contains(bytes.count) else { throw InvalidWebhookSecret(bytes: bytes.count) }
        key = SymmetricKey(data: bytes)
    }

    private init(key: SymmetricKey) { self.key = key }

    /// A new one, of 32 random bytes.
    public static func random() -> WebhookSecret { WebhookSecret(key: SymmetricKey(size: .bits256)) }

    /// The secret itself, to be handed to the other side.
    public var text: String {
        Self.prefix + key.withUnsafeBytes { Data($0) }.base64EncodedString()
    }

    public var description: String { "a webhook secret" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }

    private static let prefix = "whsec_"
}
#endif
