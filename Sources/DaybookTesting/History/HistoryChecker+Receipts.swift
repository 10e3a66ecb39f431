import DaybookCore

/// What is known of a command that has a receipt, and no event that would place it in the log.
struct QuietReceipt {
    var receipt: HistoryModel.Receipt
    /// The append that left it; nil when it may have been one whose outcome is unknown.
    var writer: Int?
    /// The appends that may have left it, when that is not known.
    var possibleWriters: [Int] = []
    /// The operations that found it.
    var finders: Set<Int> = []
    /// The operations that would have found it, and did not.
    var missers: [Int] = []
}

extension HistoryChecker {
    /// Finds the receipts that the log does not place, and who found them.
    mutating func gatherReceipts() {
        var askers: [CommandID: [Int]] = [:]
        for index in operations.indices {
            switch operations[index].call {
            case .receipt(let command): askers[command, default: []].append(index)
            case .append(let request):
                if let command = request.commandID { askers[command, default: []].append(index) }
            default: break
            }
        }
        for (command, indices) in askers {
            let first = indices.filter { asked[$0] && operations[$0].isNewAppend }
            if first.count > 1 || (first.count == 1 && model.receipts[command] != nil) {
                violate(.forbiddenWrite, first[0], "The command was acknowledged as new more than once.")
            }
            guard model.receipts[command] == nil, let found = quietReceipt(indices, first.first) else { continue }
            receipts[command] = found
            compareTimes(found)
        }
    }

    private func quietReceipt(_ indices: [Int], _ first: Int?) -> QuietReceipt? {
        let unknown = indices.filter { operations[$0].answer == .unknown }
        var finders: Set<Int> = []
        var missers: [Int] = []
        var repeats: [Int] = []
        var result: AppendResult?
        for index in indices where asked[index] && index != first {
            switch operations[index].answer {
            case .appended(var known):
                known.isRepeat = false
                result = result ?? known
                repeats.append(index)
                finders.insert(index)
            case .receipt(let known?):
                result = result ?? known
                finders.insert(index)
            case .refused(.commandReused): finders.insert(index)
            default: missers.append(index)
            }
        }
        if let first, case .appended(let known) = operations[first].answer { result = known }
        // What is not in the log and was not found has left no receipt; a store that says otherwise contradicts itself.
        guard let result else { return nil }
        let writer = first ?? (unknown.isEmpty ? repeats.min { operations[$0].started < operations[$1].started } : nil)
        guard let source = writer ?? repeats.first ?? unknown.first, let request = operations[source].request else {
            return nil
        }
        if let writer { finders.remove(writer) }
        return QuietReceipt(
            receipt: HistoryModel.Receipt(body: CommandBody(request), result: result), writer: writer,
            possibleWriters: writer == nil ? unknown + repeats : [], finders: finders, missers: missers)
    }

    /// Some moment must lie between the receipt's absence and its presence.
    private mutating func compareTimes(_ quiet: QuietReceipt) {
        let finder = quiet.finders.filter { ends[$0] != nil }.min { ends[$0]! < ends[$1]! }
        let misser = quiet.missers.max { operations[$0].started < operations[$1].started }
        if let finder, let misser, let end = ends[finder], operations[misser].started > end {
            violate(.staleAnswer, misser, "The receipt had been found before it began: \(operations[finder])")
        }
        if let writer = quiet.writer {
            if let finder, let end = ends[finder], operations[writer].started > end {
                violate(.futureAnswer, finder, "The receipt was left only later: \(operations[writer])")
            }
            if let misser, let end = ends[writer], operations[misser].started > end {
                violate(.staleAnswer, misser, "The receipt had been left before it began: \(operations[writer])")
            }
        } else if let finder, let end = ends[finder],
            !quiet.possibleWriters.contains(where: { operations[$0].started < end })
        {
            violate(.futureAnswer, finder, "Nobody had sent the command by then.")
        }
    }

    /// Raises what the operations around quiet receipts must not stay below; false when it is high enough already.
    mutating func raise(_ floors: inout [Int: Int]) -> Bool {
        var isRaised = false
        for quiet in receipts.values {
            var floor = quiet.missers.compactMap { states[$0] }.max() ?? 0
            func raise(_ operation: Int) {
                guard let state = states[operation], state < floor else { return }
                floors[operation] = floor
                isRaised = true
            }
            if let writer = quiet.writer {
                raise(writer)
                floor = max(floor, states[writer] ?? 0)
            }
            for finder in quiet.finders { raise(finder) }
        }
        return isRaised
    }
}
