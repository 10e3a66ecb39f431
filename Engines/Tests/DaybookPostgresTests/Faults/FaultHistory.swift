import DaybookCore
import DaybookTesting

/// What clients were told while their server failed, and the log that came of it.
struct FaultHistory: Sendable {
    /// What no store may do to its log.
    enum Defect: Sendable, CaseIterable {
        /// An acknowledged append is not in the log, or not whole.
        case lostAppend, tornAppend
        /// An event is in the log a second time.
        case doubledEvent
        case versionGap

        /// What the judge may call it.
        var kinds: [HistoryViolation.Kind] {
            switch self {
            case .lostAppend: [.lostWrite, .changedResult]
            case .tornAppend: [.tornWrite, .changedResult]
            // An append that was sent again and cancelled may be taken for the second one's.
            case .doubledEvent: [.duplicateWrite, .forbiddenWrite]
            case .versionGap: [.brokenLog]
            }
        }
    }

    /// A log of no more appends shows nothing.
    static let tooFewAppends = 300

    let history: History

    init(_ history: History) { self.history = history }

    /// Everything in which it is not the history of a store that loses nothing and doubles nothing.
    func violations() -> [String] {
        let check = history.check()
        var violations = check.violations.map { "\($0)" }
        if check.commitCount <= Self.tooFewAppends {
            violations.append("only \(check.commitCount) appends were written")
        }
        return violations
    }

    /// Plants each defect, alone, in a history that has no violations, to show that it would be reported.
    ///
    /// - Returns: Those that are not, or for which there is no place.
    func missed(seed: UInt64) -> [Defect] {
        let canary = HistoryCanary(history)
        return Defect.allCases.filter { defect in
            let changed =
                switch defect {
                case .lostAppend: canary.plant(.lostAcknowledgement, seed: seed)
                case .tornAppend: canary.plant(.tornBatch, seed: seed)
                case .doubledEvent: canary.plant(.duplicate, seed: seed)
                case .versionGap: withVersionGap
                }
            guard let changed else { return true }
            return !FaultHistory(changed).violations().contains { violation in
                defect.kinds.contains { violation.hasPrefix("\($0.rawValue): ") }
            }
        }
    }

    /// The history with a last event that stands one version too high.
    private var withVersionGap: History? {
        guard let last = history.log.last else { return nil }
        var planted = history
        planted.log[planted.log.count - 1] = RecordedEvent(
            id: last.id, type: last.type, schemaVersion: last.schemaVersion, contentType: last.contentType,
            data: last.data, metadata: last.metadata, tags: last.tags, stream: last.stream, version: last.version.next,
            position: last.position, recordedAt: last.recordedAt)
        return planted
    }
}
