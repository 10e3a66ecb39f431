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
