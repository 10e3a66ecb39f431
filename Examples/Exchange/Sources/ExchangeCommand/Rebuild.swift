import ArgumentParser
import Daybook
import DaybookCore
import Exchange
import Foundation
import Synchronization

struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Builds the second version of the holdings beside the first, compares them, and switches.",
        discussion: """
            The first version keeps an instrument of which an account has nothing any more as a position without shares; \
            the second leaves it out, and so the account that has nothing at all. It is built from the log while the first \
            one answers; a build that was interrupted goes on where it stopped.

            Each account that differs is listed with both documents, and with the events behind it: first the one at which \
            the versions parted. When more accounts differ than --allow, nothing is switched, and the exit code is 1: look \
            at them, and allow as many if they are what the new version is for. --back undoes the switch. An \
            account that kept changing while it was compared is counted as unsettled, and as one that differs.

            EXAMPLE
              exchange rebuild --store day.daybook
              exchange rebuild --allow 12 --store day.daybook
              exchange rebuild --back --store day.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: "How many accounts may differ for the second version to be switched to.")
    var allow = 0

    @Flag(help: "Let the first version answer again.")
    var back = false

    @Option(help: "How many of the accounts that differ to list; all are counted.")
    var limit = 20

    @Flag(help: "Print one JSON object a line: each account that differs, then the totals.")
    var json = false

    func validate() throws {
        guard allow >= 0 else { throw ValidationError("--allow is \(allow): allow 0 or more.") }
        guard (0...1_000_000).contains(limit) else {
            throw ValidationError("--limit is \(limit): list 0 to 1,000,000.")
        }
    }

    func run() async throws {
        try await store.withStore(creates: false) { store in
            let rebuild = try HoldingsBalances.rebuild(of: store, in: store)
            try await ProjectionRunner(
                rebuild.old, of: store, in: store, batchSize: 5_000, failurePolicy: MarketReadModels.failurePolicy
            ).catchUp()
            if back { try await switchBack(rebuild, store) } else { try await switchOver(rebuild) }
        }
    }

    private typealias HoldingsRebuild = ProjectionRebuild<HoldingsBalances, HoldingsBalances>

    private func switchOver(_ rebuild: HoldingsRebuild) async throws {
        let bar = Mutex(ProgressBar("Building", unit: "positions"))
        try await rebuild.build { progress in
            bar.withLock {
                $0.update(
                    done: Int(progress.position.rawValue), total: Int(progress.head.rawValue),
                    note: progress.timeLeft.map { "\($0.components.seconds) s left" } ?? "")
            }
        }
        bar.withLock { $0.finish() }
        let comparison = try await rebuild.compare(keepingFirst: limit)
        try show(comparison, try comparison.differences.map(DifferenceDocument.init))
        try await rebuild.switchOver(comparison, allowing: allow)
        if !json {
            try StandardOutput.line(
                "The second version answers; 'exchange rebuild --back' lets the first one answer again.")
        }
    }

    private func switchBack(_ rebuild: HoldingsRebuild, _ store: any MarketStore) async throws {
        guard try await HoldingsBalances.answering(in: store).version == .second else {
            throw CommandFailure(.refused, "The first version answers already: there is nothing to undo.")
        }
        try await rebuild.switchBack()
        if !json { try StandardOutput.line("The first version answers again.") }
    }

    private func show(_ comparison: ReadModelComparison, _ differences: [DifferenceDocument]) throws {
        if json {
            for difference in differences { try StandardOutput.json(difference) }
            try StandardOutput.json(ComparisonDocument(comparison))
            return
        }
        for difference in differences {
            try StandardOutput.line("\(difference.account)  \(difference.difference)")
            try StandardOutput.line("    was     \(difference.old.map(Tables.shares) ?? "no document")")
            try StandardOutput.line("    is now  \(difference.new.map(Tables.shares) ?? "no document")")
            try StandardOutput.write(Tables.causes(difference.causes))
        }
        try StandardOutput.line(
            "\(comparison.differenceCount.grouped) of \(comparison.documentCount.grouped) accounts differ: "
                + "\(comparison.addedCount.grouped) added, \(comparison.lostCount.grouped) lost, "
                + "\(comparison.changedCount.grouped) changed, \(comparison.unsettledCount.grouped) unsettled.")
    }
}

/// An account whose holdings differ between the versions, for programs.
private struct DifferenceDocument: Encodable {
    var kind = "difference"
    var account: String
    /// "added", "lost" or "changed".
    var difference: String
    var old: HoldingsBalances.Balance?
    var new: HoldingsBalances.Balance?
    var causes: [EventSummary]

    init(_ difference: DocumentDifference<JSONValue>) throws {
        account = difference.key
        self.difference = "\(difference.kind)"
        old = try difference.old.map(Self.balance)
        new = try difference.new.map(Self.balance)
        causes = try difference.causes.map(EventSummary.init)
    }

    private static func balance(_ value: JSONValue) throws -> HoldingsBalances.Balance {
        try JSONDecoder().decode(HoldingsBalances.Balance.self, from: Data(value.bytes))
    }
}

/// What the comparison came to, for programs.
private struct ComparisonDocument: Encodable {
    var kind = "totals"
    var accounts: Int
    var added: Int
    var lost: Int
    var changed: Int
    /// Accounts that changed in one version or the other whenever they were compared.
    var unsettled: Int

    init(_ comparison: ReadModelComparison) {
        accounts = comparison.documentCount
        added = comparison.addedCount
        lost = comparison.lostCount
        changed = comparison.changedCount
        unsettled = comparison.unsettledCount
    }
}
