import DaybookCore

/// The steps of a ``HistoryCheck``, which says why they are right.
struct HistoryChecker {
    /// One append of the log.
    struct Commit {
        /// Its events.
        var range: Range<Int>
        /// Who wrote it; nil when nobody is known to have.
        var operation: Int?
        /// Others of unknown outcome that asked for the same events, and may have written them in its place.
        var others: [Int] = []
    }

    let history: History
    /// Those of the history, and a read of the head for each opening, in the order of their beginnings.
    let operations: [HistoryOperation]
    var violations: [HistoryViolation] = []
    var model = HistoryModel()
    var commits: [Commit] = []
    /// The length of the log in each state.
    var lengths: [Int] = [0]
    /// The number, from 1, of the append that an operation wrote.
    var commitOf: [Int: Int] = [:]
    /// The operations to be placed in a state.
    var asked: [Bool] = []
    /// What is known of commands that left a receipt and no event.
    var receipts: [CommandID: QuietReceipt] = [:]
    /// The instant at which an operation has had its effect, if it has one; nil when that may still be to come.
    var ends: [Int64?] = []
    /// The least state of each operation that was placed.
    var states: [Int?]
    /// The states between which an operation was looked for.
    var windows: [ClosedRange<Int>?]

    init(_ history: History) {
        self.history = history
        let openings = history.openings.map { opening in
            HistoryOperation(
                client: Self.opener, started: opening.instant, ended: opening.instant, call: .head,
                answer: .head(opening.head))
        }
        operations = (history.operations + openings).sorted { $0.started < $1.started }
        states = Array(repeating: nil, count: operations.count)
        windows = Array(repeating: nil, count: operations.count)
        ends = operations.map { operation in
            guard operation.answer == .unknown else { return operation.ended }
            return history.openings.first { $0.instant > operation.started }?.instant
        }
    }

    /// The client that stands for openings.
    static let opener = -1

    mutating func check() {
        divideLog()
        replay()
        asked = operations.indices.map { commitOf[$0] == nil && operations[$0].hasAnswer }
        gatherReceipts()
        order()
    }

    mutating func violate(_ kind: HistoryViolation.Kind, _ operation: Int?, _ message: String) {
        guard violations.count < HistoryCheck.mostViolations else { return }
        violations.append(
            HistoryViolation(kind: kind, operation: operation.map { operations[$0] }, message: message))
    }

    /// Takes the appends in the order of the log, each of which the rules must allow.
    private mutating func replay() {
        var position = Position.start
        var time = Timestamp(microseconds: .min)
        for (number, commit) in commits.enumerated() {
            let events = history.log[commit.range]
            let writer = commit.operation.map { first in
                ([first] + commit.others).first { isAllowed($0) } ?? first
            }
            commits[number].operation = writer
            let request = writer.flatMap { operations[$0].request }
            if let operation = writer, let request {
                commitOf[operation] = number + 1
                let receipt = request.commandID.flatMap { model.receipts[$0]?.receipt }
                let outcome = model.outcome(of: request, model.length, receipt: receipt)
                if case .recorded = outcome {
                } else {
                    violate(
                        .forbiddenWrite, operation,
                        "It was recorded at position \(events.last?.position ?? .start). Behind position \(position) the "
                            + "answer is: \(describe(outcome))")
                }
            }
            var versions: [StreamName: Int64] = [:]
            for event in events {
                let version = versions[event.stream] ?? Int64(model.eventCount(of: event.stream, model.length))
                versions[event.stream] = version + 1
                if event.position <= position || event.version.rawValue != version || event.recordedAt < time {
                    violate(
                        .brokenLog, writer,
                        "Event \(event.place) of \(event.recordedAt) follows on position \(position) and \(time), and has to "
                            + "have version \(version)")
                }
                position = event.position
                time = event.recordedAt
            }
            model.add(events, of: request)
            lengths.append(model.length)
            if let operation = writer, let request,
                case .appended(let result) = operations[operation].answer, model.result(of: request) != result
            {
                violate(.changedResult, operation, "The log has: \(HistoryAnswer.appended(model.result(of: request)))")
            }
        }
    }

    /// Whether the rules let an append be recorded behind the log as it is now.
    private func isAllowed(_ operation: Int) -> Bool {
        guard let request = operations[operation].request else { return false }
        let receipt = request.commandID.flatMap { model.receipts[$0]?.receipt }
        if case .recorded = model.outcome(of: request, model.length, receipt: receipt) { return true }
        return false
    }
}

extension HistoryOperation {
    /// The request of an append.
    var request: AppendRequest? {
        if case .append(let request) = call { request } else { nil }
    }

    /// Whether the answer says anything of the store.
    var hasAnswer: Bool {
        switch answer {
        case .unknown, .nothing, .refused(.cancelled), .refused(.closed), .refused(.storageFailed): false
        default: true
        }
    }

    /// Whether it is an append that was acknowledged as new.
    var isNewAppend: Bool {
        if case .appended(let result) = answer { !result.isRepeat } else { false }
    }
}
