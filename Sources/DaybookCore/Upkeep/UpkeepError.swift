/// Why a task of a store's upkeep was not done, or not to its end.
package struct UpkeepError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// Something that has to be read for it is damaged.
        case damaged
        /// A file that is to be made cannot be.
        case cannotCreate
        /// Somebody else has a file open.
        case inUse
        case storageFailed
        case cancelled
        case closed
    }

    package let code: Code
    /// What happened, with which value, what to do.
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
