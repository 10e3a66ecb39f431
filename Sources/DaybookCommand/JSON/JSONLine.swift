/// Writes a JSON object on one line, member by member, with values that are JSON already taken as they are.
struct JSONLine {
    private(set) var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func add(_ key: String, raw value: some Sequence<UInt8>) {
        addKey(key)
        bytes.append(contentsOf: value)
    }

    mutating func add(_ key: String, _ value: String) {
        addKey(key)
        bytes.appendJSON(value)
    }

    mutating func add(_ key: String, _ value: some BinaryInteger) { add(key, raw: String(value).utf8) }

    mutating func add(_ key: String, _ value: Bool) { add(key, raw: (value ? "true" : "false").utf8) }

    /// A number with at most `decimals` decimals; `null` when it is none or infinite.
    mutating func add(_ key: String, _ value: Double, decimals: Int) {
        add(key, raw: (value.isFinite ? value.decimal(decimals) : "null").utf8)
    }

    mutating func addNull(_ key: String) { add(key, raw: "null".utf8) }

    mutating func add(_ key: String, _ values: some Sequence<String>) {
        addKey(key)
        bytes.append(UInt8(ascii: "["))
        var isFirst = true
        for value in values {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            bytes.appendJSON(value)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// The objects in an array.
    mutating func add(_ key: String, objects: [JSONLine]) {
        addKey(key)
        bytes.append(UInt8(ascii: "["))
        for (index, object) in objects.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: object.object)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Members that are written one behind another already, with commas between them.
    mutating func addMembers(_ write: (inout [UInt8]) -> Void) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        write(&bytes)
    }

    /// The object.
    var object: [UInt8] { bytes + [UInt8(ascii: "}")] }

    /// The object, and the end of its line.
    consuming func finished() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private mutating func addKey(_ key: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.appendJSON(key)
        bytes.append(UInt8(ascii: ":"))
    }
}

extension [UInt8] {
    /// Appends a text as a JSON string, with its quotes.
    mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case UInt8(ascii: "\n"): append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\t"): append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                let digits = StaticString("0123456789abcdef")
                append(contentsOf: "\\u00".utf8)
                append(digits.utf8Start[Int(byte >> 4)])
                append(digits.utf8Start[Int(byte & 0xF)])
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}

extension Double {
    /// Plain decimal notation with a number of decimals, rounded.
    func decimal(_ decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (magnitude * scale).rounded()
        guard scaled < 9e15 else { return description }
        let whole = Int64(scaled)
        let sign = self < 0 && whole > 0 ? "-" : ""
        guard decimals > 0 else { return sign + String(whole) }
        let divisor = Int64(scale)
        let fraction = String(whole % divisor)
        return sign + String(whole / divisor) + "." + String(repeating: "0", count: decimals - fraction.count)
            + fraction
    }
}
