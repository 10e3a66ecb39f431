/// What can be asked of a store that looks after itself.
package enum UpkeepTask: Sendable, Hashable {
    /// Figures; those of each table only on request, as they take a read of the whole file.
    case statistics(includesTables: Bool)
    /// Reads everything, and tells what is damaged.
    case verification
    /// Makes the index anew from the log. Appends wait until it is done.
    case reindexing
    case scavenging(Scavenging)
    case archiving(Archiving)
    case backup(Backup)

    /// The removal of what nobody can read any more.
    package struct Scavenging: Sendable, Hashable {
        package var through: Position?
        package var ignoredConsumers: Set<String> = []
        package var ignoresConsumers = false
        package var compacts = false
        package var isDryRun = false

        package init() {}
    }

    /// The move of the oldest events into a file of their own.
    package struct Archiving: Sendable, Hashable {
        package var end: End
        package var compacts: Bool

        package enum End: Sendable, Hashable {
            case through(Position)
            case before(Timestamp)
        }

        package init(_ end: End, compacts: Bool) {
            self.end = end
            self.compacts = compacts
        }
    }

    package struct Backup: Sendable, Hashable {
        /// Where the copy goes: the path of a file, or what a server makes one of.
        package var destination: String
        package var replaces: Bool
        package var verifies: Bool

        package init(to destination: String, replaces: Bool, verifies: Bool) {
            self.destination = destination
            self.replaces = replaces
            self.verifies = verifies
        }
    }

    /// Whether it only looks, so that any number may run at once.
    package var onlyLooks: Bool {
        switch self {
        case .statistics, .verification: true
        case .reindexing, .scavenging, .archiving, .backup: false
        }
    }
}
