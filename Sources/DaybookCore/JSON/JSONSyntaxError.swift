/// Where a text stops being JSON, and what stood there.
package struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
    /// The offset from the beginning of the text, in bytes.
    package let offset: Int
    package let problem: String

    package init(offset: Int, problem: String) {
        self.offset = offset
        self.problem = problem
    }

    package var description: String { "\(problem) at byte \(offset + 1)" }
}
