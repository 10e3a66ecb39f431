import DaybookCore
import DaybookTesting

/// What can be wrong with a JSON text, or odd about it.
enum JSONDamage: String, CaseIterable, Codable {
    // Any byte.
    case byteDeleted, byteReplaced, byteInserted, cutShort, pieceRepeated
    // Strings.
    case invalidUTF8, loneSurrogate, surrogatePair, badEscape, controlCharacter, needlessEscape, singleQuotes
    // Numbers.
    case leadingZero, hugeNumber, oddNumber, exponent
    // Around values.
    case comma, comment, byteOrderMark, textBehind, whiteSpace, wrongBracket, literal
    // Members.
    case keyMissing, keyUnknown, keyTwice, keyUnquoted, memberNull, memberOfOtherType, nesting

    /// The text with this damage somewhere; nil when it has no place for it.
    func applied(to text: [UInt8], _ generator: inout SplitMix64) -> [UInt8]? {
        guard !text.isEmpty else { return nil }
        let place = Int.random(in: text.indices, using: &generator)
        switch self {
        case .byteDeleted: return text.replacing(place..<place + 1, with: "")
        case .byteReplaced: return text.replacing(place, with: .random(in: .min ... .max, using: &generator))
        case .byteInserted:
            return Array(text[..<place]) + [.random(in: .min ... .max, using: &generator)] + text[place...]
        case .cutShort: return Array(text[..<place])
        case .pieceRepeated:
            return Array(text[..<place]) + text[place...].prefix(Int.random(in: 1...20, using: &generator))
                + text[place...]
        case .invalidUTF8:
            let bytes: [[UInt8]] = [
                [0x80], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xE2, 0x82],
                [0xF0, 0x9F, 0x98], [0xEF, 0xBF, 0xBD], [0xEF, 0xBF, 0xBE],
            ]
            guard let start = Self.strings(in: text).randomElement(using: &generator)?.lowerBound else { return nil }
            return Array(text[..<start]) + generator.pick(bytes) + text[start...]
        case .loneSurrogate:
            return Self.inString(
                [#"\ud800"#, #"\uDFFF"#, #"\udbff\u0041"#, #"\ud83d\ud83d"#, #"\ude00\ud83d"#, #"\ud800\n"#], text,
                &generator)
        case .surrogatePair:
            return Self.inString([#"\ud83d\ude00"#, #"\uD800\uDC00"#, #"\udbff\udfff"#], text, &generator)
        case .badEscape:
            return Self.inString(
                [#"\x"#, #"\u"#, #"\u12"#, #"\u00g0"#, #"\U0041"#, #"\'"#, #"\0"#, #"\u+041"#, #"\ "#], text, &generator
            )
        case .controlCharacter:
            return Self.inString(
                ["\u{0}", "\u{1}", "\t", "\n", "\r", "\u{1F}", "\u{7F}", "\u{2028}"], text, &generator)
        case .needlessEscape:
            return Self.inString(
                [#"\/"#, #"\u0041"#, #"\u00E9"#, #"\u0000"#, #"\u2028"#, #"\uFFFF"#, #"\u0022"#], text, &generator)
        case .singleQuotes:
            guard let string = Self.strings(in: text).randomElement(using: &generator) else { return nil }
            return text.replacing(string.lowerBound - 1, with: UInt8(ascii: "'"))
                .replacing(string.upperBound, with: UInt8(ascii: "'"))
        case .leadingZero:
            return Self.atNumber(["0", "00", "-0", "+", "."], text, &generator) { $0.lowerBound..<$0.lowerBound }
        case .hugeNumber:
            let numbers = [
                "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e308",
                "1.8e308", "-1e400", "1e99999999999999999999", "340282366920938463463374607431768211456", "1e-324",
                "4.9e-324", "1e-99999999999", "3.5e38", "1e127", "1e166", String(repeating: "9", count: 400),
            ]
            return Self.atNumber(numbers, text, &generator) { $0 }
        case .oddNumber:
            let numbers = [
                "NaN", "Infinity", "-Infinity", "nan", "0x10", "1_000", "1.", ".5", "-", "--1", "1e", "1e+", "1.e1",
                "1.2.3", "1-2", "٣", "-0", "-0.0", "1.0", "0.10",
            ]
            return Self.atNumber(numbers, text, &generator) { $0 }
        case .exponent:
            return Self.atNumber(["e0", "e2", "E+1", "e-1", "e05", ".0", ".5", "e5"], text, &generator) {
                $0.upperBound..<$0.upperBound
            }
        case .comma:
            let places = Self.marks("{}[]:,", in: text)
            guard let place = places.randomElement(using: &generator) else { return nil }
            return text.replacing(place..<place, with: ",")
        case .comment:
            let places = Self.marks("{}[]:,", in: text)
            return text.inserting(generator.pick(["//", "/**/", "#", "/* x */", "//\n"]), at: places, &generator)
        case .byteOrderMark:
            return generator.oneIn(2) ? [0xEF, 0xBB, 0xBF] + text : [0xEF, 0xBB, 0xBF, 0xEF, 0xBB, 0xBF] + text
        case .textBehind: return text + generator.pick(["x", "{}", ",", "]", "}", "\u{0}", " 1", "null", "\""]).utf8
        case .whiteSpace:
            return text.inserting(
                generator.pick([" ", "\t\r\n ", "\u{B}", "\u{C}", "\u{A0}", "\u{0}", "\u{FEFF}"]),
                at: Self.marks("{}[]:,", in: text) + [0], &generator)
        case .wrongBracket:
            guard let place = Self.marks("{}[]", in: text).randomElement(using: &generator) else { return nil }
            return text.replacing(place, with: generator.pick(Array("{}[]()<".utf8)))
        case .literal:
            return Self.atNumber(["true", "False", "nul", "nulll", "None", "tru", "TRUE"], text, &generator) { $0 }
        case .keyMissing: return Self.withMembers(text, &generator) { $0.remove(at: $1) }
        case .keyUnknown:
            // Wrong in one place alone: of two, Foundation's dictionaries name either.
            return Self.withMembers(text, &generator) { members, index in
                members.insert((#""zz unknown""#, #"[1,"\x",{}]"#), at: index)
            }
        case .keyTwice:
            return Self.withMembers(text, &generator) { members, index in
                members.append((members[index].key, members[0].value))
            }
        case .keyUnquoted:
            return Self.withMembers(text, &generator) { members, index in
                members[index].key = String(members[index].key.dropFirst().dropLast())
            }
        case .memberNull: return Self.withMembers(text, &generator) { $0[$1].value = "null" }
        case .memberOfOtherType:
            let value = generator.pick(["1", "-1.5", "\"\"", "\"a\"", "[]", "[null]", "{}", "{\"a\":1}", "true"])
            return Self.withMembers(text, &generator) { $0[$1].value = value }
        case .nesting:
            let depth = generator.pick([1, 20, 509, 510, 511, 512, 513])
            let value = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            return Self.withMembers(text, &generator) { members, _ in members.append(("\"zz deep\"", value)) }
        }
    }

    // MARK: Places in a text that is JSON

    /// The contents of the strings, without their quotes.
    private static func strings(in text: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var start: Int?
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "\\") {
                index += 1
            } else if text[index] == UInt8(ascii: "\"") {
                if let begun = start {
                    found.append(begun..<index)
                    start = nil
                } else {
                    start = index + 1
                }
            }
            index += 1
        }
        return found
    }

    /// The places of marks outside of strings.
    private static func marks(_ marks: String, in text: [UInt8]) -> [Int] {
        let wanted = Set(marks.utf8)
        var inside = strings(in: text)[...]
        return text.indices.filter { index in
            while let string = inside.first, string.upperBound < index { inside.removeFirst() }
            return wanted.contains(text[index]) && !(inside.first?.contains(index) ?? false)
        }
    }

    private static func numbers(in text: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        for index in marks("-+.0123456789eE", in: text) {
            if let last = found.last, last.upperBound == index {
                found[found.count - 1] = last.lowerBound..<index + 1
            } else if text[index] == UInt8(ascii: "-") || (0x30...0x39).contains(text[index]) {
                found.append(index..<index + 1)
            }
        }
        return found
    }

    // MARK: Changes

    private static func inString(_ pieces: [String], _ text: [UInt8], _ generator: inout SplitMix64) -> [UInt8]? {
        guard let string = strings(in: text).randomElement(using: &generator) else { return nil }
        let place = generator.oneIn(2) ? string.lowerBound : string.upperBound
        return text.replacing(place..<place, with: generator.pick(pieces))
    }

    private static func atNumber(
        _ pieces: [String], _ text: [UInt8], _ generator: inout SplitMix64, _ range: (Range<Int>) -> Range<Int>
    ) -> [UInt8]? {
        guard let number = numbers(in: text).randomElement(using: &generator) else { return nil }
        return text.replacing(range(number), with: generator.pick(pieces))
    }

    /// Changes the members of an object, with the index of one of them.
    private static func withMembers(
        _ text: [UInt8], _ generator: inout SplitMix64, _ change: (inout [(key: String, value: String)], Int) -> Void
    ) -> [UInt8]? {
        guard let start = marks("{", in: text).randomElement(using: &generator) else { return nil }
        var scanner = JSONScanner(text[start...])
        var members: [(key: String, value: String)] = []
        do {
            try scanner.members { (key, value) throws(JSONSyntaxError) in
                members.append(
                    (String(decoding: key.bytes, as: UTF8.self), String(decoding: value.bytes, as: UTF8.self)))
            }
        } catch { return nil }
        guard !members.isEmpty else { return nil }
        change(&members, Int.random(in: members.indices, using: &generator))
        let object = members.map { "\($0.key):\($0.value)" }.joined(separator: ",")
        return text.replacing(start..<scanner.index, with: "{\(object)}")
    }
}

extension [UInt8] {
    fileprivate func replacing(_ range: Range<Int>, with text: String) -> [UInt8] {
        Array(self[..<range.lowerBound]) + Array(text.utf8) + self[range.upperBound...]
    }

    fileprivate func replacing(_ index: Int, with byte: UInt8) -> [UInt8] {
        var copy = self
        copy[index] = byte
        return copy
    }

    fileprivate func inserting(_ text: String, at places: [Int], _ generator: inout SplitMix64) -> [UInt8]? {
        guard let place = places.randomElement(using: &generator) else { return nil }
        return replacing(place..<place, with: text)
    }
}
