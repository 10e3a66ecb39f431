/// Whether some order of a history's operations, each at one moment between its beginning and its end, explains every
/// answer: linearizability (Herlihy and Wing 1990, https://doi.org/10.1145/78969.78972).
///
/// For objects in general this takes a search that may be exponential (Wing and Gong 1993,
/// http://www.cs.cmu.edu/~wing/publications/WingGong93.pdf). It is easier where the order of the writes is given, as Gibbons
/// and Korach show for memories (Testing shared memories, 1997, https://doi.org/10.1137/S0097539794279614). A log gives it:
/// it is read at the end, and what is left to find is the place of each other operation among the appends.
///
/// 1. The log is divided into the appends that wrote it: each acknowledged one stands where its answer says, whole, and
///    once; what is left over must be whole appends whose outcome is unknown.
/// 2. The appends are taken in the order of the log. The rules must allow each at its place, with the result that it
///    returned. After *i* of them the store is in *state i*.
/// 3. Every other operation (a read, an append that was refused or had been recorded before) is given the least state that
///    explains its whole answer and that no operation which was over before it began has gone beyond. An append *k* lies
///    between states *k − 1* and *k*.
///
/// This is exact. The constraints on the states *f* are, for each operation, a set of states (those which explain the
/// answer), and *f(A) ≤ f(B)* where A was over before B began. Where two assignments meet them, so does the lesser of both
/// for each operation; so there is a least one, the sweep in step 3 finds it, and when it fails there is none. From an
/// assignment one gets an order: by state, and within a state, where nothing changes, by time.
///
/// A receipt that writes no event (of a command that decided on nothing, or whose events had been recorded without it) is a
/// change that the log does not place. For each such command the append that left the receipt is ordered behind everything
/// that did not find it, and before everything that did. This is exact, too, where the append is known: the one that was
/// acknowledged as the first, or, among equal requests that were answered as repeats, the one that began first, which could
/// trade places with whichever it was. Where a request for the command has an unknown outcome, those that found the receipt
/// are still ordered behind those that did not, but what left it is only looked for, not placed: such a history may be
/// passed although it has no order. Nothing that has an order is ever refused.
///
/// An append whose outcome is unknown may take effect at any time until the store is opened again, and not later (strict
/// linearizability; Aguilera and Frølund, HP Laboratories, HPL-2003-241).
///
/// The check relies on what ``HistoryWorkload`` keeps to, and a workload of your own has to keep to as well:
/// - An event identifier belongs to one request and its repeats; so does the metadata of a change of settings.
/// - Requests that name events recorded before by a new command are all equal.
/// - No retention has an age: which events an age hides depends on a clock that the history does not know.
///
/// Fingerprints of 64 bits stand for the contents of events that were read.
public struct HistoryCheck: Sendable {
    /// What no order explains; empty for a correct store. At most ``mostViolations``, since one fault is often seen by many
    /// operations.
    public let violations: [HistoryViolation]
    /// How many operations were checked.
    public let operationCount: Int
    /// How many appends the log consists of.
    public let commitCount: Int
    /// How many appends had an unknown outcome, and how many of them turned out to be in the log.
    public let unknownCount: Int
    public let unknownWritten: Int

    /// So many violations are kept.
    public static let mostViolations = 200

    init(_ history: History) {
        var checker = HistoryChecker(history)
        checker.check()
        self.init(checker)
    }

    init(_ checker: HistoryChecker) {
        violations = checker.violations
        operationCount = checker.operations.count - checker.history.openings.count
        commitCount = checker.commits.count
        let unknown = checker.operations.indices.filter { checker.operations[$0].answer == .unknown }
        unknownCount = unknown.count
        unknownWritten = unknown.count { checker.commitOf[$0] != nil }
    }
}
