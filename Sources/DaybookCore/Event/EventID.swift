import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Identifies one event, 128 bits wide and written as a UUID.
///
/// Made by ``init()``, identifiers are UUIDs of version 7 (RFC 9562, section 5.7): they grow with time, which keeps
/// indexes on them small.
public struct EventID: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A new identifier, unlike any other. Costs about 30 ns: random bits are drawn from the system in blocks.
    public init() {
        let milliseconds = UInt64(bitPattern: TimeSource.system.now.microseconds / 1000)
        let (first, second) = RandomBlock.shared.next()
        high = milliseconds << 16 | 0x7000 | first & 0x0FFF
        low = 0x8000_0000_0000_0000 | second & 0x3FFF_FFFF_FFFF_FFFF
    }

    /// Reads the 8-4-4-4-12 form of a UUID, in either case. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (index, byte) in text.utf8.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let value: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            guard digits < 32 else { return nil }
            if digits < 16 { words.0 = words.0 << 4 | UInt64(value) } else { words.1 = words.1 << 4 | UInt64(value) }
            digits += 1
        }
        guard digits == 32 else { return nil }
        (high, low) = words
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = EventID(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is not a UUID.")
        }
        self = id
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(36)
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Writes the ``description`` behind what stands there, without a string in between.
    package func append(to text: inout [UInt8]) {
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { text.append(UInt8(ascii: "-")) }
            let word = index < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - index % 16 * 4)) & 0xF
            text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    public static func < (left: Self, right: Self) -> Bool { (left.high, left.low) < (right.high, right.low) }
}

/// Random words from the system, drawn 32 at a time: `SystemRandomNumberGenerator` asks the system for each word, which
/// makes an identifier cost 1 µs.
private final class RandomBlock: Sendable {
    static let shared = RandomBlock()

    private struct State {
        /// As many as one call of `getentropy` gives: 256 bytes.
        var words = [UInt64](repeating: 0, count: 32)
        var used = 32
    }

    private let state = Mutex(State())

    func next() -> (UInt64, UInt64) {
        state.withLock { state in
            if state.used == state.words.count {
                let isDrawn = state.words.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) == 0 }
                if !isDrawn {
                    var generator = SystemRandomNumberGenerator()
                    for index in state.words.indices { state.words[index] = generator.next() }
                }
                state.used = 0
            }
            state.used += 2
            return (state.words[state.used - 2], state.words[state.used - 1])
        }
    }
}
