extension AppendResult {
    /// Writes the members of the JSON object that tells the result, in the command line's answers and in the server's:
    ///
    /// ```json
    /// "position":12,"count":3,"streams":[{"stream":"order-1","version":2}],"recordedAt":"…","repeat":false
    /// ```
    package func appendMembers(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: #""position":"#.utf8)
        bytes.append(contentsOf: String(position.rawValue).utf8)
        bytes.append(contentsOf: #","count":"#.utf8)
        bytes.append(contentsOf: String(eventCount).utf8)
        bytes.append(contentsOf: #","streams":["#.utf8)
        for (index, end) in streams.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: #"{"stream":"#.utf8)
            bytes.appendJSONString(end.stream.rawValue)
            bytes.append(contentsOf: #","version":"#.utf8)
            bytes.append(contentsOf: (end.version.map { String($0.rawValue) } ?? "null").utf8)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(contentsOf: #"],"recordedAt":""#.utf8)
        recordedAt.append(to: &bytes)
        bytes.append(contentsOf: (isRepeat ? #"","repeat":true"# : #"","repeat":false"#).utf8)
    }
}
