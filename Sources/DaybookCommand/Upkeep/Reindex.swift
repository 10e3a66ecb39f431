import ArgumentParser
import DaybookCore
import DaybookSQLite

/// `daybook reindex`: makes the indexes anew from the log.
struct Reindex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Drop every index and make it anew from the log.",
        discussion: """
            Indexes are derived: nothing is lost with them. Use it when 'daybook verify' finds damage in an index.

            EXAMPLES
              daybook reindex shop.db
            """)

    @OptionGroup var store: StoreArgument

    func run() async throws {
        let bar = ProgressBar("Indexing", unit: "events")
        let head = try await store.withFile { store in
            defer { bar.finish() }
            try await store.reindex { bar.update(done: $0, total: $1) }
            return try await store.head()
        }
        try await StandardOutput.shared.write("Indexed anew through position \(head).\n")
    }
}
