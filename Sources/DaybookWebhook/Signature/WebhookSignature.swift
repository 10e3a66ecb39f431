#if Webhook
import Crypto
import DaybookCore
import Foundation

/// The signature of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 of `id.timestamp.body`.
enum WebhookSignature {
    /// The value of `webhook-signature`: one signature for each secret, with a space between.
    static func header(
        id: String, timestamp: String, body: some Sequence<UInt8>, secrets: [WebhookSecret]
    ) -> String {
        let content = content(id: id, timestamp: timestamp, body: body)
        return secrets.map { secret in
            "v1," + Data(HMAC<SHA256>.authenticationCode(for: content, using: secret.key)).base64EncodedString()
        }.joined(separator: " ")
    }

    /// Whether one of the header's signatures was made with one of the secrets. It takes as long for a wrong signature as
    /// for one that is nearly right.
    static func isValid(
        _ header: String, id: String, timestamp: String, body: some Sequence<UInt8>, secrets: [WebhookSecret]
    ) -> Bool {
        let signatures = header.split(separator: " ").filter { $0.hasPrefix("v1,") }.prefix(maximumSignatures)
            .compactMap { Data(base64Encoded: String($0.dropFirst(3))) }
        guard !signatures.isEmpty else { return false }
        let content = content(id: id, timestamp: timestamp, body: body)
        var isValid = false
        for secret in secrets {
            let expected = HMAC<SHA256>.authenticationCode(for: content, using: secret.key)
            // Codes are compared in constant time; each is compared, so that nothing tells which one fits.
            for signature in signatures where expected == signature { isValid = true }
        }
        return isValid
    }

    /// The seconds since 1970 that a `webhook-timestamp` says; nil unless it is written plainly.
    static func seconds(_ timestamp: String) -> Int64? {
        guard let seconds = Int64(timestamp), "\(seconds)" == timestamp else { return nil }
        return seconds
    }

    /// Of more signatures than anyone rotates, the first ones count.
    private static let maximumSignatures = 16

    private static func content(id: String, timestamp: String, body: some Sequence<UInt8>) -> [UInt8] {
        var content = Array(id.utf8)
        content.append(UInt8(ascii: "."))
        content.append(contentsOf: timestamp.utf8)
        content.append(UInt8(ascii: "."))
        content.append(contentsOf: body)
        return content
    }
}
#endif
