extension Retention {
    /// Reads a retention from an object of JSON with any of `maxCount`, `maxAgeSeconds` and `truncateBefore`.
    ///
    /// - Parameter path: Where the object stands, for messages.
    package init(json value: JSONText, path: String) throws(FieldError) {
        var fields = try JSONFields(value, path: path)
        self.init()
        maxCount = try fields.integer("maxCount")
        truncateBefore = try fields.integer("truncateBefore").map { StreamVersion($0) }
        if let age = fields.take("maxAgeSeconds") {
            guard age.kind == .number, let seconds = Double(String(decoding: age.bytes, as: UTF8.self)),
                seconds.magnitude <= 9e12
            else { throw fields.wrong("maxAgeSeconds", age, wanted: "a number of seconds, at most 9e12") }
            maxAge = .microseconds(Int64((seconds * 1e6).rounded()))
        }
        try fields.finish()
    }
}

extension Retention {
    /// Writes the object that ``init(json:path:)`` reads, without what has no bound.
    package func appendJSON(to bytes: inout [UInt8]) {
        var separator = UInt8(ascii: "{")
        func add(_ key: StaticString, _ value: String) {
            bytes.append(separator)
            bytes.append(UInt8(ascii: "\""))
            key.withUTF8Buffer { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: "\":".utf8)
            bytes.append(contentsOf: value.utf8)
            separator = UInt8(ascii: ",")
        }
        if let maxCount { add("maxCount", String(maxCount)) }
        if let maxAge {
            let (seconds, attoseconds) = maxAge.components
            var microseconds = String(attoseconds / 1_000_000_000_000)
            microseconds = String(repeating: "0", count: max(0, 6 - microseconds.count)) + microseconds
            while microseconds.last == "0" { microseconds.removeLast() }
            add("maxAgeSeconds", String(seconds) + (microseconds.isEmpty ? "" : "." + microseconds))
        }
        if let truncateBefore { add("truncateBefore", truncateBefore.description) }
        if separator == UInt8(ascii: "{") { bytes.append(separator) }
        bytes.append(UInt8(ascii: "}"))
    }
}
