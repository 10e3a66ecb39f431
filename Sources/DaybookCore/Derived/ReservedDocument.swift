/// Keys of documents that stand among those of an application, and by which others tell what a read model is. No key of an
/// application begins with their first character.
package enum ReservedDocument {
    /// The keys of a projection's read model that are parked.
    package static let parkedKeys = "\u{1F}parked"
    /// Says that a read model is an inbox's: its checkpoint counts changes, and is no position of the log.
    package static let inbox = "\u{1F}inbox"
}
