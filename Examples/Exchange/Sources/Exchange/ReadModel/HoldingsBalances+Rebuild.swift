import Daybook
import DaybookCore

extension HoldingsBalances {
    /// What queries call the holdings, whichever version answers.
    static let alias: ReadModelName = "holdings"

    /// The version that answers: the first one, until the second is switched to.
    public static func answering(in models: any ReadModelStore) async throws(ReadModelError) -> HoldingsBalances {
        let second = HoldingsBalances(.second)
        return try await ReadModelAlias(alias, in: models).target() == second.name ? second : HoldingsBalances()
    }

    /// Builds the second version beside the first one, compares them, and switches.
    ///
    /// Only the version that answers is kept up to date (``MarketReadModels``): bring the first one up to date before they
    /// are compared, and before it answers again.
    ///
    /// - Parameter batchSize: The most events of one transaction of the build.
    public static func rebuild(
        of log: any EventStore, in models: any ReadModelStore, batchSize: Int = 5_000
    ) throws(RebuildError) -> ProjectionRebuild<HoldingsBalances, HoldingsBalances> {
        try ProjectionRebuild(
            of: alias, from: HoldingsBalances(), to: HoldingsBalances(.second), log: log, models: models,
            batchSize: batchSize)
    }
}
