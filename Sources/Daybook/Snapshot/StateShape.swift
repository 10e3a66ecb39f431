/// What a state is made of, as far as its initial value shows: the names and types of its fields, and of theirs.
///
/// A snapshot made of another shape is not used, even when its bytes would happen to decode.
enum StateShape {
    /// 16 hexadecimal digits, the same in every run of a program: FNV-1a of 64 bits,
    /// http://www.isthe.com/chongo/tech/comp/fnv/
    ///
    /// - Parameter details: What else the state depends on.
    static func fingerprint(of state: Any, details: [String]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in ([text(of: state, depth: 0)] + details).joined(separator: "\n").utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// A type's full name. That of a private or local type has an address in it, which differs from run to run, and is
    /// left out.
    static func name(of type: Any.Type) -> String {
        String(reflecting: type).replacing(/\(unknown context at \$[0-9a-f]+\)\./, with: "")
    }

    static func text(of value: Any, depth: Int) -> String {
        let mirror = Mirror(reflecting: value)
        let type = name(of: mirror.subjectType)
        guard depth < 8, mirror.displayStyle == .struct || mirror.displayStyle == .tuple else { return type }
        let fields = mirror.children.map { "\($0.label ?? ""):\(text(of: $0.value, depth: depth + 1))" }
        return "\(type){\(fields.joined(separator: ","))}"
    }
}
