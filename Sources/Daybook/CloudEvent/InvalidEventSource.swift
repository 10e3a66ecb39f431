/// A ``CloudEvent/source`` that is no URI reference.
public struct InvalidEventSource: Error, Equatable, CustomStringConvertible {
    public let source: String

    public init(source: String) { self.source = source }

    public var description: String {
        "'\(source)' is no URI reference: name the program by one, such as '/shop' or 'https://example.com/shop'."
    }
}
