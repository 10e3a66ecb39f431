/// Why nothing was salvaged. The damaged file is as it was, and there is no new one.
public enum SalvageError: Error, Equatable, CustomStringConvertible {
    case missing(path: String)
    /// The new file is there already.
    case exists(path: String)
    /// A store has the damaged file open.
    case owned(path: String, processID: Int32?)
    /// Nothing in the file looks like a part of a log.
    case nothingFound(path: String)
    case storageFailed(path: String, reason: String)

    public var description: String {
        switch self {
        case .missing(let path): "There is no file \(path): check the name."
        case .exists(let path): "\(path) is there already: name a new file, so that nothing is written over."
        case .owned(let path, let processID):
            "\(path) is open in process \(processID.map(String.init) ?? "unknown"): end that one first."
        case .nothingFound(let path):
            "Nothing in \(path) is a record of a Daybook: check the name, or restore the file from a backup."
        case .storageFailed(let path, let reason): "Nothing was salvaged: \(path) failed (\(reason))."
        }
    }
}
