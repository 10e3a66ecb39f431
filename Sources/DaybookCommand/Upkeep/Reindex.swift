import ArgumentParser
import DaybookCore
import DaybookSQLite

/// `daybook reindex`: makes the indexes anew from the log.
struct Reindex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Drop every index and make it anew from the log.",
        discussion: """
            Indexes are derived: nothing is lost with them. Use it when 'daybook verify' finds damage in an index. Appends to \
            a server wait until it is done, which takes 2 s for a million events; reads go on.

            EXAMPLES
              daybook reindex shop.db
            """)

    @OptionGroup var store: StoreArgument

    func run() async throws {
        let head = try await reindex()
        try await StandardOutput.shared.write("Indexed anew through position \(head).\n")
    }

    private func reindex() async throws -> Position {
        guard !store.isOnServer else {
            let report: ReindexReport = try await store.upkeep(.reindexing, "Indexing")
            return report.head
        }
        let bar = ProgressBar("Indexing", unit: "events")
        return try await store.withFile { store in
            defer { bar.finish() }
            try await store.reindex { bar.update(done: $0, total: $1) }
            return try await store.head()
        }
    }
}
