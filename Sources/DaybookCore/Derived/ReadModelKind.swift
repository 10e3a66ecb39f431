/// What a read model is for, by its name: the names of Daybook's own begin with `$`.
package enum ReadModelKind: Sendable, Equatable {
    /// The state of a consumer group of this name. Its checkpoint counts changes, and is no position of the log.
    case consumerGroup(String)
    /// The open deadlines of a process manager's category.
    case processTimers(Category)
    /// Follows no log: an election, an alias, what a receiver has set aside, the snapshots of another read model.
    case other
    /// The documents of a projection; or those of an inbox, among which is ``ReservedDocument/inbox``.
    case documents

    package static let groupPrefix = "$consumer-"
    package static let timersPrefix = "$process-timers-"
    /// What follows ``groupPrefix`` in the name of an election, whose state is that of a group without events.
    package static let electionPrefix = "election/"
    /// What follows ``groupPrefix`` in front of a process manager's category, for the group that sends its commands.
    package static let processPrefix = "process-"

    package init(of name: String) {
        if let group = name.suffix(behind: Self.groupPrefix) {
            self = group.suffix(behind: Self.electionPrefix) == nil ? .consumerGroup(group) : .other
        } else if let category = name.suffix(behind: Self.timersPrefix) {
            self = .processTimers(Category(unchecked: category))
        } else {
            self = name.utf8.first == UInt8(ascii: "$") ? .other : .documents
        }
    }

    /// The category of the process manager whose read model it is, if it is one's.
    package var process: Category? {
        switch self {
        case .consumerGroup(let group):
            return group.suffix(behind: Self.processPrefix).map { Category(unchecked: $0) }
        case .processTimers(let category): return category
        case .other, .documents: return nil
        }
    }
}

extension String {
    /// What stands behind a prefix; nil when the text does not begin with its bytes.
    fileprivate func suffix(behind prefix: String) -> String? {
        utf8.starts(with: prefix.utf8) ? String(Substring(utf8.dropFirst(prefix.utf8.count))) : nil
    }
}
