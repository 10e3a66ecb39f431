#if Server
import DaybookCore
import Foundation
import JWTKit

/// The public keys of an authority, each with the one algorithm that it is for: what a token says of its algorithm chooses
/// nothing.
struct TokenKeys: Sendable {
    private struct Key: Sendable {
        let algorithm: String
        let verifier: any JWTAlgorithm
    }

    private static let algorithms: Set<String> = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ]

    /// The most bytes that a file of keys has.
    private static let fileBytes = 1 << 20

    private var keys: [String: Key] = [:]

    private struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    /// Keys that are for something else, or of a kind that is not known, are passed over.
    ///
    /// - Throws: ``ServerError/unusableFile(what:setting:path:reason:)``.
    init(file path: String) async throws {
        let file = NamedFile(what: "The file of the keys of tokens", setting: "--token-keys", path: path)
        let bytes = try file.bytes(atMost: Self.fileBytes)
        do { keys = try await Self.keys(in: bytes) } catch let error as JSONSyntaxError {
            throw file.unusable("is no JSON (\(error)): write a JSON Web Key Set, {\"keys\": […]}")
        } catch let error as Unreadable {
            throw file.unusable("\(error): write a JSON Web Key Set whose keys have kid and alg")
        } catch {
            throw file.unusable(
                "has a key that cannot be used (\(error)): get the set anew from the authority of the tokens")
        }
    }

    private static func keys(in bytes: [UInt8]) async throws -> [String: Key] {
        var keys: [String: Key] = [:]
        let set = try JSONText(parsing: bytes[...])
        guard let elements = set.members?.last(where: { $0.key == "keys" })?.value.elements else {
            throw Unreadable(description: "has no object with an array 'keys'")
        }
        for element in elements {
            let use = element.members?.last { $0.key == "use" }?.value.string
            guard use == nil || use == "sig",
                let key = try? JSONDecoder().decode(JWK.self, from: Data(element.bytes)),
                let identifier = key.keyIdentifier, let algorithm = key.algorithm?.rawValue,
                algorithms.contains(algorithm)
            else { continue }
            let verifier = try await JWTKeyCollection().add(jwk: key).getKey(for: identifier, alg: algorithm)
            guard keys.updateValue(Key(algorithm: algorithm, verifier: verifier), forKey: identifier.string) == nil
            else {
                throw Unreadable(description: "has two keys with the kid '\(identifier.string.prefix(80))'")
            }
        }
        guard !keys.isEmpty else {
            throw Unreadable(description: "has no key with a kid and an alg, such as RS256 or ES256")
        }
        return keys
    }

    /// The payload of a token whose signature is right; nil for any other.
    ///
    /// See https://www.rfc-editor.org/rfc/rfc7515#section-7.1
    func payload(of token: String) -> [UInt8]? {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.decoded(parts[0]), let payload = Self.decoded(parts[1]),
            let signature = Self.decoded(parts[2]), !signature.isEmpty,
            let object = try? JSONText(parsing: header[...]), var fields = try? JSONFields(object, path: ""),
            let algorithm = fields.take("alg")?.string, let identifier = fields.take("kid")?.string,
            // What must be understood, and is not.
            fields.take("crit") == nil,
            let key = keys[identifier], key.algorithm == algorithm
        else { return nil }
        let message = Array(parts[0]) + [UInt8(ascii: ".")] + Array(parts[1])
        guard (try? key.verifier.verify(signature, signs: message)) == true else { return nil }
        return payload
    }

    /// Base 64 for URLs, without padding.
    private static func decoded(_ text: Substring.UTF8View) -> [UInt8]? {
        var plain: [UInt8] = []
        plain.reserveCapacity(text.count + 3)
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): plain.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): plain.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: plain.append(byte)
            }
        }
        while plain.count % 4 != 0 { plain.append(UInt8(ascii: "=")) }
        return Data(base64Encoded: Data(plain)).map { Array($0) }
    }
}
#endif
