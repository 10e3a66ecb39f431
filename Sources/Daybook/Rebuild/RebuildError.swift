import DaybookCore

/// Why a read model was not rebuilt or not switched to. The old version still answers.
public enum RebuildError: Error, Equatable, CustomStringConvertible {
    /// Both versions have one name, so that one would overwrite the other.
    case sameName(ReadModelName)
    case projection(ProjectionError)
    case readModel(ReadModelError)
    /// A document that is no JSON.
    case unreadableDocument(key: String, model: ReadModelName, reason: String)
    /// More documents differ than were allowed.
    case tooManyDifferences(count: Int, allowed: Int, first: [String])
    /// The comparison is one of other versions.
    case otherComparison(old: ReadModelName, new: ReadModelName)
    /// The new version has parked keys.
    case parkedKeys([String])
    /// The new version is behind the old one.
    case behind(new: Position, old: Position)

    public var description: String {
        switch self {
        case .sameName(let name):
            "Both versions are called '\(name)': give the new projection a name of its own, such as '\(name)-2'."
        case .projection(let error): error.description
        case .readModel(let error): error.description
        case .unreadableDocument(let key, let model, let reason):
            "Document '\(key)' of read model '\(model)' is no JSON: \(reason)"
        case .tooManyDifferences(let count, let allowed, let first):
            "\(count) documents differ, and \(allowed) may (the first: \(first.joined(separator: ", "))): look at the "
                + "differences, and allow as many if they are what the new version is for."
        case .otherComparison(let old, let new):
            "The comparison is that of '\(old)' with '\(new)': compare the two versions that are to be switched."
        case .parkedKeys(let keys):
            "The new version has stopped for \(keys.count) keys (\(keys.prefix(5).joined(separator: ", "))): resume them "
                + "before the switch."
        case .behind(let new, let old):
            "The new version is at position \(new), and the old one at \(old): build it first, and keep it running."
        }
    }
}
