import DaybookCore

extension HistoryChecker {
    /// One beginning or end.
    private struct Moment {
        var instant: Int64
        /// What an opening has cut off ends before the opening begins, although at the same instant.
        var rank: Int
        var operation: Int
        var isEnd: Bool
    }

    /// Places every operation in the least state that it can have; a place is twice the state and 1, that of an append twice
    /// its number.
    mutating func order() {
        let moments = moments()
        let upper = upperStates()
        /// What operations around quiet receipts must not stay below, beside what was over before they began.
        var floors: [Int: Int] = [:]
        var lower = [Int](repeating: -1, count: operations.count)
        var failed: Set<Int> = []
        while true {
            var reached = 0
            var furthest: Int?
            for moment in moments {
                let operation = moment.operation
                if let number = commitOf[operation] {
                    if moment.isEnd {
                        if 2 * number > reached { (reached, furthest) = (2 * number, operation) }
                    } else if 2 * number < reached, failed.insert(operation).inserted {
                        violate(.outOfOrder, operation, outOfOrderMessage(number, furthest))
                    }
                    continue
                }
                if moment.isEnd {
                    if let state = states[operation], 2 * state + 1 > reached {
                        (reached, furthest) = (2 * state + 1, operation)
                    }
                    continue
                }
                let low = max(reached / 2, floors[operation] ?? 0)
                let isKnown = lower[operation] >= 0 && low >= lower[operation] && low <= states[operation] ?? -1
                guard !isKnown, !failed.contains(operation) else { continue }
                lower[operation] = low
                states[operation] = leastState(of: operation, from: low, through: upper[operation])
                windows[operation] = low <= upper[operation] ? low...upper[operation] : nil
                if states[operation] == nil {
                    failed.insert(operation)
                    report(operation, low, upper[operation], furthest)
                }
            }
            if !raise(&floors) { return }
        }
    }

    private func moments() -> [Moment] {
        var moments: [Moment] = []
        for index in operations.indices where asked[index] || commitOf[index] != nil {
            let operation = operations[index]
            moments.append(Moment(instant: operation.started, rank: 1, operation: index, isEnd: false))
            guard let end = ends[index] else { continue }
            let isCutOff = operation.answer == .unknown
            moments.append(Moment(instant: end, rank: isCutOff ? 0 : 2, operation: index, isEnd: true))
        }
        return moments.sorted { ($0.instant, $0.rank) < ($1.instant, $1.rank) }
    }

    /// The last state that each operation may have: the one before the first append that began when it was over.
    private func upperStates() -> [Int] {
        let writers = commitOf.map { (started: operations[$0.key].started, number: $0.value) }
            .sorted { $0.started < $1.started }
        var least = commits.count + 1
        var leastFrom = [Int](repeating: least, count: writers.count + 1)
        for index in writers.indices.reversed() {
            least = min(least, writers[index].number)
            leastFrom[index] = least
        }
        return ends.map { end in
            guard let end else { return commits.count }
            return leastFrom[writers.firstIndex(notBelow: end + 1) { $0.started }] - 1
        }
    }

    func leastState(of operation: Int, from low: Int, through high: Int) -> Int? {
        guard low <= high else { return nil }
        let explains = explanation(of: operation, from: low, through: high)
        return (low...high).first(where: explains)
    }

    // MARK: - Telling

    private func outOfOrderMessage(_ number: Int, _ furthest: Int?) -> String {
        let events = history.log[commits[number - 1].range]
        return "It was recorded at position \(events.last?.position ?? .start), but was over before it began: "
            + (furthest.map { "\(operations[$0])" } ?? "nothing")
    }

    /// How far a look for a state goes that would explain an answer, if it were allowed.
    private static let statesLookedAt = 1000

    private mutating func report(_ operation: Int, _ low: Int, _ high: Int, _ furthest: Int?) {
        if case .failed = operations[operation].answer {
            violate(.failedRead, operation, "A read of a store that is open has an answer.")
            return
        }
        var allowed: String
        if low > high {
            allowed = "No state is left between what was over before it began and what began when it was over."
        } else {
            let first = answer(to: operation, in: low)
            allowed = "Behind position \(model.head(lengths[low])) the answer is: \(first)"
            if high > low {
                let last = answer(to: operation, in: high)
                allowed += "; behind position \(model.head(lengths[high])): \(last == first ? "the same" : last)"
            }
        }
        if let furthest { allowed += "\n  Over before it began: \(operations[furthest])" }
        let past = max(0, low - Self.statesLookedAt)
        let future = min(commits.count, high + Self.statesLookedAt)
        let explains = explanation(of: operation, from: past, through: max(future, past))
        if let state = (past..<max(low, past)).last(where: explains) {
            violate(
                .staleAnswer, operation, "So it was behind position \(model.head(lengths[state])). \(allowed)")
        } else if high < future, let state = (max(high + 1, 0)...future).first(where: explains) {
            violate(
                .futureAnswer, operation, "So it was only behind position \(model.head(lengths[state])). \(allowed)")
        } else {
            violate(.impossibleAnswer, operation, allowed)
        }
    }
}
