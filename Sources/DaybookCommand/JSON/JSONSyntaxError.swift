/// Where a text stops being JSON, and what stood there.
struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
    /// The offset from the beginning of the text, in bytes.
    let offset: Int
    let problem: String

    var description: String { "\(problem) at byte \(offset + 1)" }
}
