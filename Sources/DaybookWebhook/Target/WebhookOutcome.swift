#if Webhook
import Daybook
import DaybookCore

/// What a receiver's answer means.
enum WebhookOutcome {
    static func answer(
        status: Int, host: String, policy: WebhookTargetPolicy
    ) -> PublisherMessage.Answer {
        if (200..<300).contains(status) { return .acknowledged }
        if policy.refusing.contains(status) { return .refused(reason: "\(host) answered \(status).") }
        if (300..<400).contains(status) {
            return .failed(
                reason: "\(host) answered \(status): redirects are not followed, so give the target the new address.")
        }
        return .failed(reason: "\(host) answered \(status).")
    }

    /// When the receiver wants to hear again, by the header `Retry-After`; nil when it has nothing to say, or writes neither
    /// seconds nor a date (RFC 9110, section 10.2.3).
    static func retryTime(_ header: String?, status: Int, now: Timestamp) -> Timestamp? {
        guard let header, status == 429 || (500..<600).contains(status) else { return nil }
        if let seconds = Int64(header), seconds >= 0 { return now.advanced(by: .seconds(min(seconds, 1_000_000))) }
        return date(header)
    }

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func date(_ text: String) -> Timestamp? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return Timestamp("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
#endif
