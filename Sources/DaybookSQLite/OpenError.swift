import DaybookCore

/// Why a store could not be opened. The file is as it was.
public enum OpenError: Error, Equatable, CustomStringConvertible {
    /// There is no such file, and the configuration says not to make one.
    case missing(path: String)
    /// Another process, or another store of this one, has the file open.
    case owned(path: String, processID: Int32?)
    /// The file is not a database, or one of another program.
    case notADaybook(path: String, reason: String)
    /// A newer version wrote the file.
    case newerFormat(path: String, found: Int64, known: Int64)
    /// Something saved in the file knows of events that the log does not have: the log was cut off, or is an old copy.
    case logTooShort(path: String, head: Int64, known: Int64, by: String)
    /// What is stored is not what was written.
    case corrupted(path: String, reason: String)
    /// An inline read model could not take an event that the log holds already.
    case refused(path: String, by: ReadModelName, reason: String)
    case storageFailed(path: String, reason: String)

    public var description: String {
        switch self {
        case .missing(let path):
            "There is no file \(path): check the name, or let the store create it."
        case .owned(let path, let processID):
            "\(path) is open in process \(processID.map(String.init) ?? "unknown"): one process owns a store; end that "
                + "one, or go through it: where it is 'daybook serve', by its address, daybook://HOST:PORT."
        case .notADaybook(let path, let reason):
            "\(path) is not a Daybook file (\(reason)): check the name. If it once was one, restore it from a backup, or save what "
                + "is whole in it with 'daybook salvage'."
        case .newerFormat(let path, let found, let known):
            "\(path) has format \(found); this version knows formats up to \(known): use a newer Daybook."
        case .logTooShort(let path, let head, let known, let by):
            "The log in \(path) ends at position \(head), but \(by) has seen position \(known): events are missing; "
                + "restore the whole file from a backup, or save what is whole with 'daybook salvage'."
        case .corrupted(let path, let reason):
            "\(path) is damaged (\(reason)): restore the file from a backup, or save what is whole with 'daybook salvage'."
        case .refused(let path, let model, let reason):
            "\(path) cannot be opened with the inline read model '\(model)', which is behind the log and cannot take an "
                + "event of it: leave it out of the configuration or mend it, and open again. \(reason)"
        case .storageFailed(let path, let reason):
            "\(path) cannot be opened (\(reason)): see to that, or to its folder and disk, and open it again."
        }
    }
}
