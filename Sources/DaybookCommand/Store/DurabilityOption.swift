import ArgumentParser
import DaybookSQLite

/// What has happened when an append is acknowledged, for verbs that append.
struct DurabilityOption: ParsableArguments {
    @Option(
        name: .customLong("durability"),
        help: ArgumentHelp(
            "What has happened when an append is acknowledged.",
            discussion: """
                With every-commit, nothing that was acknowledged is ever lost. With the other, a failure of power or of the \
                operating system, not of the program, may take the appends of the last moments, though acknowledged.
                """))
    private var word = Word.everyCommit

    var durability: Durability {
        switch word {
        case .everyCommit: .everyCommit
        case .mayLoseLatestOnPowerLoss: .mayLoseLatestOnPowerLoss
        }
    }

    /// As arguments and the help write them: of a type with raw values the help shows these.
    private enum Word: String, CaseIterable, ExpressibleByArgument {
        case everyCommit = "every-commit"
        case mayLoseLatestOnPowerLoss = "may-lose-latest-on-power-loss"
    }
}
