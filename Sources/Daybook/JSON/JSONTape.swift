import DaybookCore
import Foundation

/// A JSON text that was read once: a token for each value and key, in the order in which they stand, with the place of
/// its bytes.
///
/// Tokens lie in one flat buffer. Strings and numbers are looked into when somebody asks for them, so that what is not
/// asked for costs no more than being passed over.
final class JSONTape {
    struct Token {
        enum Kind: UInt8 { case null, yes, no, number, string, array, object }

        /// Where a scalar's bytes begin; a string's without its quotes.
        var start: UInt32
        /// How many bytes a scalar has, how many elements or members a container.
        var count: UInt32
        /// The token behind the value.
        var next: UInt32
        var kind: Kind
        /// A string without escapes and control characters, in ASCII; an object of which all keys are that.
        var isPlain = false
        /// A string without escapes and control characters.
        var isUnescaped = false
        /// The key that stands outside the text.
        var isName = false
    }

    /// Deeper nesting is refused, so that no input exhausts the stack.
    static let maximumDepth = 512
    /// Offsets are 32 bits wide.
    static let maximumBytes = Int(UInt32.max) / 2

    @exclusivity(unchecked) private(set) var tokens: UnsafeMutablePointer<Token>
    @exclusivity(unchecked) var tokenCount = 0
    @exclusivity(unchecked) private var tokenCapacity: Int
    @exclusivity(unchecked) var bytes: UnsafePointer<UInt8>
    let byteCount: Int
    @exclusivity(unchecked) private var name = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    /// What was copied, because somebody kept a decoder; freed with the tape.
    @exclusivity(unchecked) private var copies: [UnsafeMutableBufferPointer<UInt8>] = []
    /// The tokens that stand for missing members, with the object and the key they were asked for by.
    @exclusivity(unchecked) private var missing: [UInt32: (object: UInt32, key: any CodingKey)] = [:]
    /// The keys' tokens of objects in which looking at each key would not do.
    @exclusivity(unchecked) var indexes: [UInt32: [String: UInt32]] = [:]
    /// How many tokens stand for what is in the text.
    @exclusivity(unchecked) var textTokenCount = 0

    /// Reads a text.
    ///
    /// - Parameter bytes: Must outlive the tape, or ``keepBytes()`` must be called.
    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONSyntaxError) {
        (self.bytes, byteCount) = (Self.base(of: bytes), bytes.count)
        tokenCapacity = bytes.count / 6 + 8
        tokens = .allocate(capacity: tokenCapacity)
        var start = 0
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { start = 3 }
        try parse(from: start, openContainers: 0)
    }

    /// Reads a text as the one member of an object: as if it were written `{"name":…}`.
    ///
    /// - Parameter name: Must need no escapes, and outlive the tape as the bytes must.
    init(
        _ bytes: UnsafeBufferPointer<UInt8>, named name: UnsafeBufferPointer<UInt8>
    ) throws(JSONSyntaxError) {
        (self.bytes, byteCount) = (Self.base(of: bytes), bytes.count)
        self.name = name
        tokenCapacity = bytes.count / 6 + 8
        tokens = .allocate(capacity: tokenCapacity)
        let isASCII = name.allSatisfy { $0 < 0x80 }
        append(Token(start: 0, count: 1, next: 0, kind: .object, isPlain: isASCII))
        append(
            Token(
                start: 0, count: UInt32(name.count), next: 2, kind: .string, isPlain: isASCII, isUnescaped: true,
                isName: true))
        try parse(from: 0, openContainers: 1)
        tokens[0].next = UInt32(tokenCount)
    }

    deinit {
        tokens.deallocate()
        for copy in copies { copy.deallocate() }
    }

    private static func base(of bytes: UnsafeBufferPointer<UInt8>) -> UnsafePointer<UInt8> {
        // Nothing is read of an empty text, so that any address does.
        bytes.baseAddress ?? UnsafePointer(bitPattern: 1).unsafelyUnwrapped
    }

    /// Copies the text: the tape lives on, and the bytes that it was read from may not.
    func keepBytes() {
        bytes = copy(UnsafeBufferPointer(start: bytes, count: byteCount))
        name = UnsafeBufferPointer(start: copy(name), count: name.count)
    }

    private func copy(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafePointer<UInt8> {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(bytes.count, 1))
        _ = copy.initialize(from: bytes)
        copies.append(copy)
        return UnsafePointer(copy.baseAddress.unsafelyUnwrapped)
    }

    // MARK: Room

    @inline(__always)
    func append(_ token: Token) {
        if tokenCount == tokenCapacity { grow() }
        (tokens + tokenCount).initialize(to: token)
        tokenCount &+= 1
    }

    @inline(never)
    private func grow() {
        tokenCapacity *= 2
        let larger = UnsafeMutablePointer<Token>.allocate(capacity: tokenCapacity)
        larger.moveInitialize(from: tokens, count: tokenCount)
        tokens.deallocate()
        tokens = larger
    }

    // MARK: What stands where

    @inline(__always)
    subscript(token: UInt32) -> Token { tokens[Int(token)] }

    /// A scalar's bytes.
    @inline(__always)
    func bytes(of token: Token) -> UnsafeBufferPointer<UInt8> {
        if token.isName { return name }
        return UnsafeBufferPointer(start: bytes + Int(token.start), count: Int(token.count))
    }

    /// A token that stands for a member that an object does not have, as null.
    func addMissing(_ key: any CodingKey, of object: UInt32) -> UInt32 {
        let token = UInt32(tokenCount)
        append(Token(start: 0, count: 0, next: token + 1, kind: .null))
        missing[token] = (object, key)
        return token
    }

    /// The way to a value from the top of the text.
    ///
    /// - Complexity: O(tokens before it); for errors.
    func path(of target: UInt32) -> [any CodingKey] {
        if let place = missing[target] { return path(of: place.object) + [place.key] }
        guard target < textTokenCount else { return [] }
        var path: [any CodingKey] = []
        var token: UInt32 = 0
        while token != target {
            let isObject = self[token].kind == .object
            var child = token + 1
            var position = 0
            while true {
                let value = isObject ? child + 1 : child
                if target < self[value].next {
                    path.append(isObject ? JSONPathKey(text(of: child) ?? "") : JSONPathKey(index: position))
                    token = value
                    break
                }
                child = self[value].next
                position += 1
            }
        }
        return path
    }

    /// A string's text; nil when the token is no string, or its bytes are no text.
    @inline(__always)
    func text(of index: UInt32) -> String? {
        let token = self[index]
        guard token.kind == .string else { return nil }
        let bytes = bytes(of: token)
        // Nothing of ASCII is repaired. `String(validating:as:)` costs 100 ns more, as it is not specialized.
        if token.isPlain { return String(decoding: bytes, as: UTF8.self) }
        return token.isUnescaped ? JSONEscape.validated(bytes) : JSONEscape.text(of: bytes)
    }
}
