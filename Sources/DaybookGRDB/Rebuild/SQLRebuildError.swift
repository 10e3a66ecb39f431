import Daybook
import DaybookCore

/// Why a read model was not rebuilt or not switched to. The old version still answers.
public enum SQLRebuildError: Error, Equatable, CustomStringConvertible {
    /// Both versions have one name, so that they would share a checkpoint.
    case sameName(ReadModelName)
    /// No view was named, so that there is nothing to compare or to switch.
    case noViews
    case projection(ProjectionError)
    case readModel(SQLReadModelError)
    /// The rows of the versions cannot be compared.
    case comparison(SQLHistoryError)
    /// The old version was never built, so that there is nothing to compare with.
    case noReadModel(ReadModelName)
    /// More rows differ than were allowed.
    case tooManyDifferences(count: Int, allowed: Int, first: [String])
    /// The comparison is one of other versions, or of other views.
    case otherComparison(old: ReadModelName, new: ReadModelName)
    /// The new version has parked keys.
    case parkedKeys([String])
    /// The new version is behind the old one.
    case behind(new: Position, old: Position)
    /// A view could not be created; none was changed.
    case viewNotChanged(reason: String)

    public var description: String {
        switch self {
        case .sameName(let name):
            "Both versions are called '\(name)': give the new projection a name of its own, such as '\(name)-2'."
        case .noViews: "No view was named: say what queries read, and what it shows of either version."
        case .projection(let error): error.description
        case .readModel(let error): error.description
        case .comparison(let error): error.description
        case .noReadModel(let name):
            "Read model '\(name)' was not built in this database, so that there is nothing to compare with: run its "
                + "projection first, or run the new one alone."
        case .tooManyDifferences(let count, let allowed, let first):
            "\(count) rows differ, and \(allowed) may (the first: \(first.joined(separator: "; "))): look at the "
                + "differences, and allow as many if they are what the new version is for."
        case .otherComparison(let old, let new):
            "The comparison is one of '\(old)' with '\(new)', or of other views: compare what is to be switched."
        case .parkedKeys(let keys):
            "The new version has stopped for \(keys.count) keys (\(keys.prefix(5).joined(separator: ", "))): call "
                + "resumeParkedKeys() of the rebuild's runner first."
        case .behind(let new, let old):
            "The new version is at position \(new), and the old one at \(old): build it first, and keep it running."
        case .viewNotChanged(let reason):
            "The views stay as they were: drop what else has the name of one, or mend its SELECT. \(reason)"
        }
    }
}

extension SQLRebuildError {
    init(_ error: any Error) {
        if let error = error as? SQLRebuildError {
            self = error
            return
        }
        switch SQLHistoryError(error) {
        case .projection(let error): self = .projection(error)
        case .readModel(let error): self = .readModel(error)
        case let error: self = .comparison(error)
        }
    }
}
