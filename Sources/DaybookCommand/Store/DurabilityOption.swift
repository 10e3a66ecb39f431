import ArgumentParser
import DaybookSQLite

/// What has happened when an append is acknowledged, for verbs that append.
struct DurabilityOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "every-commit, or may-lose-latest-on-power-loss.",
            discussion: """
                With every-commit, nothing that was acknowledged is ever lost. With the other, a failure of power or of the \
                operating system, not of the program, may take the appends of the last moments, though acknowledged.
                """))
    var durability = Durability.everyCommit
}

extension Durability: ExpressibleByArgument {
    public init?(argument: String) {
        guard let found = Self.allCases.first(where: { $0.argument == argument }) else { return nil }
        self = found
    }

    public static var allValueStrings: [String] { allCases.map(\.argument) }
    public var defaultValueDescription: String { argument }

    private var argument: String {
        switch self {
        case .everyCommit: "every-commit"
        case .mayLoseLatestOnPowerLoss: "may-lose-latest-on-power-loss"
        }
    }
}
