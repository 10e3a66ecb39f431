#if Server
/// What a file in PEM says of itself: the labels of its parts, as in `-----BEGIN CERTIFICATE-----`.
///
/// See https://www.rfc-editor.org/rfc/rfc7468#section-2
struct PEMLabels: Sendable, Hashable {
    let names: [String]
    /// Whether a private key in it needs a passphrase, in the form of PKCS #8 or in that of older tools (RFC 1421).
    let isEncrypted: Bool

    init(_ bytes: [UInt8]) {
        var names: [String] = []
        var isEncrypted = false
        for line in bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("-----BEGIN "), let name = text.dropFirst(11).split(separator: "-").first {
                names.append(String(name))
            }
            if text.hasPrefix("Proc-Type:"), text.contains("ENCRYPTED") { isEncrypted = true }
        }
        self.names = names
        self.isEncrypted = isEncrypted || names.contains("ENCRYPTED PRIVATE KEY")
    }

    /// What to say of a file without what it is to have.
    func lack(of label: String) -> String {
        let wanted = "a file in PEM with '-----BEGIN \(label)-----'"
        guard let first = names.first else { return "is not PEM: name \(wanted)" }
        return "has '-----BEGIN \(first.prefix(40))-----', and no '\(label)': name \(wanted)"
    }
}
#endif
