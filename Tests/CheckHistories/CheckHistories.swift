import ArgumentParser

/// Checks the embedded store for linearizability; see `docs/adr/0025-exact-checking-of-histories.md`.
@main
struct CheckHistories: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "CheckHistories",
        abstract: "Uses an embedded store by many clients at once, and checks whether its answers have an order.",
        discussion: """
            Each run prints one line of JSON: what was done, the violations found, and how many of the anomalies that were \
            planted the check has found. Violations go to the standard error, with the operation and what would have been \
            allowed.

            Exit codes: 0 no violation, and every kind of anomaly found in every run; 1 otherwise; 64 wrong arguments.
            """,
        subcommands: [RunHistories.self, KillHistories.self, WorkUntilKilled.self])
}

/// Where runs keep their files.
struct FolderOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the store's files are made; removed afterwards, unless something is found.", valueName: "path"))
    var directory: String?
}
