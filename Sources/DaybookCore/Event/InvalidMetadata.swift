/// Metadata whose bytes are not a JSON object, read through its standard keys.
public struct InvalidMetadata: Error, Equatable, CustomStringConvertible {
    public let bytes: Int

    public var description: String {
        "The metadata (\(bytes) bytes) is not a JSON object: read its bytes, or append metadata as JSON."
    }
}
