/// A file in PEM, with what stands in it by its labels, as in `-----BEGIN CERTIFICATE-----`: read and looked at before a library of
/// TLS gets it, whose errors name neither the file nor what is wrong.
///
/// See https://www.rfc-editor.org/rfc/rfc7468#section-2
package struct PEMFile: Sendable {
    package enum Content: String, Sendable {
        case certificate = "CERTIFICATE"
        case privateKey = "PRIVATE KEY"
    }

    package let path: String
    package let content: Content
    package let bytes: [UInt8]

    /// - Parameter content: What has to be in it. A private key must not need a passphrase: the library would ask for it on the
    ///   terminal.
    package init(_ path: String, with content: Content) throws(FileTrouble) {
        bytes = try FileTrouble.reading(path)
        self.path = path
        self.content = content
        let (labels, isEncrypted) = Self.labels(in: bytes)
        guard labels.contains(where: { $0.hasSuffix(content.rawValue) }) else {
            let wanted = "name a file in PEM with '-----BEGIN \(content.rawValue)-----'"
            guard let first = labels.first else { throw FileTrouble("is not PEM: \(wanted)") }
            throw FileTrouble("has '-----BEGIN \(first.prefix(40))-----', and no '\(content.rawValue)': \(wanted)")
        }
        guard content != .privateKey || !isEncrypted else {
            throw FileTrouble(
                "is protected by a passphrase, which nobody is asked for: write it without one, 'openssl pkey -in \(path) -out "
                    + "plain.key', for the program's user alone to read")
        }
    }

    /// What to say when the library cannot read what is between the labels.
    package var trouble: FileTrouble {
        switch content {
        case .certificate:
            FileTrouble(
                "has a certificate that cannot be read: it was cut or changed; copy it anew, and see what 'openssl x509 -in "
                    + "\(path) -noout -text' says")
        case .privateKey:
            FileTrouble(
                "has a key that cannot be read: it was cut or changed, or is of a kind that TLS does not have; see what 'openssl "
                    + "pkey -in \(path) -noout -text' says")
        }
    }

    /// What to say when a key is not that of a certificate.
    package static func mismatch(key: String, certificate: String, named setting: String) -> FileTrouble {
        FileTrouble(
            "is not the key of the certificate in '\(certificate)' (\(setting)): name the two that were made together; 'openssl "
                + "x509 -noout -pubkey -in \(certificate)' prints the same as 'openssl pkey -pubout -in \(key)' then")
    }

    /// The labels, and whether a private key needs a passphrase: in the form of PKCS #8, or in that of older tools (RFC 1421).
    private static func labels(in bytes: [UInt8]) -> (names: [String], isEncrypted: Bool) {
        var names: [String] = []
        var isEncrypted = false
        for line in bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("-----BEGIN "), let name = text.dropFirst(11).split(separator: "-").first {
                names.append(String(name))
            }
            if text.hasPrefix("Proc-Type:"), text.hasSuffix("ENCRYPTED") { isEncrypted = true }
        }
        return (names, isEncrypted || names.contains("ENCRYPTED PRIVATE KEY"))
    }
}
