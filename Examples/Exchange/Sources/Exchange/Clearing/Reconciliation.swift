import Daybook
import DaybookCore

/// What a day of clearing has come to, counted from the log alone, and whether the confirmations and the read models say the same.
public struct Reconciliation: Sendable, Equatable, Encodable {
    public private(set) var executions = 0
    public private(set) var settled = 0
    public private(set) var reversed = 0
    /// Executions that are neither settled nor reversed yet.
    public private(set) var open = 0
    public private(set) var confirmations = 0
    /// What is still to come, in words; empty when everything is done.
    public private(set) var outstanding: [String] = []
    /// What must never be, in words: cash or shares that were lost or came into being, an execution confirmed twice.
    public private(set) var faults: [String] = []

    /// Whether everything is settled, confirmed and counted, and nothing is wrong.
    public var isComplete: Bool { outstanding.isEmpty && faults.isEmpty }

    private init() {}

    /// Reads the log and the read models once. They may be written meanwhile, by other processes.
    ///
    /// - Complexity: O(events), and memory for the accounts, the executions, and a copy of the log when everything is settled.
    public static func of(_ log: any EventStore, models: any ReadModelStore) async throws -> Reconciliation {
        var result = Reconciliation()
        // Read first: what the log holds beyond it may be missing elsewhere.
        let confirmations = try await Confirmations(of: log, in: models).confirmations()
        let statements = try await MarketReadModels(of: log, in: models).accounts()
        let head = try await log.head()
        let executions = try await result.count(log, through: head)
        result.check(confirmations, of: executions)
        if result.open == 0 {
            let past = try await Replay(of: log).inMemory(asOf: .position(head))
            let holdings = try await HoldingsBalances.answering(in: models)
            let anew = MarketReadModels(of: past, in: past, holdings: holdings)
            try await anew.catchUp()
            if try await anew.accounts() != statements { result.outstanding.append("the accounts are not up to date") }
        }
        return result
    }

    private mutating func count(_ log: any EventStore, through head: Position) async throws -> Set<ExecutionID> {
        var executed: Set<ExecutionID> = []
        var ended: [ExecutionID: Int] = [:]
        var reversals: Set<ExecutionID> = []
        var ledger = TransitLedger()
        let books = OrderBook.Event.makeReader()
        let (cash, holdings) = (CashAccount.Event.makeReader(), Holdings.Event.makeReader())
        let clearing = ClearingEvent.makeReader()
        let categories: Set = [OrderBook.category, Clearing.category, CashAccount.category, Holdings.category]
        for try await recorded in log.events(filter: EventFilter(categories: categories)) {
            guard recorded.position <= head else { break }
            switch recorded.stream.category {
            case CashAccount.category: for event in try cash.decode(recorded) { ledger.apply(event) }
            case Holdings.category: for event in try holdings.decode(recorded) { ledger.apply(event) }
            case Clearing.category where recorded.type.rawValue.hasPrefix("clearing."):
                for event in try clearing.decode(recorded) {
                    switch event {
                    case .settled(let execution, _, _):
                        settled += 1
                        ended[execution, default: 0] += 1
                    case .reversed(let execution, _, _, _):
                        reversed += 1
                        ended[execution, default: 0] += 1
                        reversals.insert(execution)
                    default: break
                    }
                }
            case OrderBook.category where recorded.type == "book.executed":
                for case .executed(let execution, _, _, _, _, _, _, _, _) in try books.decode(recorded) {
                    executed.insert(execution)
                }
            default: break
            }
        }
        executions = executed.count
        open = executed.count { ended[$0] == nil }
        if open > 0 { outstanding.append("\(open) of \(executions) executions are not settled") }
        for (execution, count) in ended where count > 1 { faults.append("\(execution) has ended \(count) times") }
        if !ledger.isBalanced { faults.append("cash or shares got lost or came into being: \(ledger)") }
        // What a side gave although its execution was reversed is still to be given back.
        let refunds = ledger.transits.keys.count { reversals.contains($0) }
        if refunds > 0 { outstanding.append("\(refunds) reversed executions have cash or shares to be given back") }
        let stuck = ledger.transits.count - refunds
        if stuck > 0 {
            let text = "\(stuck) executions have cash or shares between the two sides"
            if open == 0 { faults.append(text) } else { outstanding.append(text) }
        }
        return executed
    }

    /// Each side of each execution is confirmed once, and each account's confirmations are numbered without gaps.
    private mutating func check(_ all: [Confirmation], of executions: Set<ExecutionID>) {
        confirmations = all.count
        var seen: Set<String> = []
        for confirmation in all where !seen.insert("\(confirmation.execution) \(confirmation.side)").inserted {
            faults.append("\(confirmation.execution) is confirmed twice to the side that \(confirmation.side)s")
        }
        for (account, own) in Dictionary(grouping: all, by: \.account) where own.map(\.number) != Array(1...own.count) {
            faults.append("the confirmations of \(account) are not numbered from 1 without gaps")
        }
        let missing = 2 * executions.count - seen.count
        if missing > 0 { outstanding.append("\(missing) of \(2 * executions.count) confirmations are missing") }
    }
}
