/// How a refusal for a right that is missing begins where a store's error has text alone for it, by which the command knows it
/// again.
package enum AccessRefusal {
    /// The caller is known, and may not.
    package static let notAllowed = "the user may not do this"
    /// The caller is not known.
    package static let unknown = "credentials are missing or wrong"

    package static func isTold(by reason: String) -> Bool {
        reason.hasPrefix(notAllowed) || reason.hasPrefix(unknown)
    }
}
