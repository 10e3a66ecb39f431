#if Server
/// Names of streams: text in which `*` stands for any text, also none. A pattern that does not begin with `$` is of no stream of
/// the system.
struct StreamPattern: Sendable, Hashable {
    let text: String
    private let bytes: [UInt8]

    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
    }

    /// - Complexity: O(name × pattern) at worst; there is no pattern that takes longer.
    func matches(_ name: some StringProtocol) -> Bool {
        let name = Array(name.utf8)
        if name.first == UInt8(ascii: "$"), bytes.first != UInt8(ascii: "$") { return false }
        let star = UInt8(ascii: "*")
        var (at, index) = (0, 0)
        /// Where the last star stands, and up to where in the name it has been stretched.
        var retry: (star: Int, index: Int)?
        while index < name.count {
            if at < bytes.count, bytes[at] == star {
                retry = (at, index)
                at += 1
            } else if at < bytes.count, bytes[at] == name[index] {
                at += 1
                index += 1
            } else if let last = retry {
                at = last.star + 1
                index = last.index + 1
                retry = (last.star, index)
            } else {
                return false
            }
        }
        return bytes[at...].allSatisfy { $0 == star }
    }
}
#endif
