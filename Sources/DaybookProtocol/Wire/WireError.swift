/// Why bytes are not the message that they should be.
package struct WireError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    static let truncated = WireError("The message ends within a field.")
}
