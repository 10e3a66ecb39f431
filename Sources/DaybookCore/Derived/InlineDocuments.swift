/// The documents of an inline read model, as its transaction sees them.
public protocol InlineDocuments {
    mutating func document(_ key: String) throws -> [UInt8]?
    /// Nil deletes the document.
    mutating func set(_ data: [UInt8]?, for key: String) throws
}
