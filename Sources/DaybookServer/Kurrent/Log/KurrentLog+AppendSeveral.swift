#if Server
import DaybookCore

extension KurrentLog {
    /// What an append to several streams writes to one of them: at least one event.
    struct Write: Sendable {
        let name: String
        var condition = KurrentCondition.expectation(.any)
        var events: [NewEvent]
    }

    /// What an append to several streams asks of one that it does not write.
    struct Check: Sendable {
        let name: String
        let condition: KurrentCondition
    }

    /// A condition that does not hold.
    struct Violation: Sendable, Equatable {
        enum Place: Sendable, Equatable {
            case write(Int)
            case check(Int)
        }

        let place: Place
        let name: String
        let condition: KurrentCondition
        let state: KurrentStreamState
    }

    enum SeveralAppended: Sendable {
        /// The last revision of each write's stream, in their order, and the position of the last event.
        case appended(revisions: [Int64], position: Int64)
        /// Nothing was written.
        case refused([Violation])
    }

    /// How often an append is tried whose streams change between its being refused and their being looked at.
    static let attempts = 8

    /// Appends to several streams in one append of the store: all of it, or nothing. No stream is named twice.
    ///
    /// A repeat is answered with the first result if all writes are repeats, each as in an append of its own, whether the checks
    /// hold or not; when only some are, the append is refused. The events of each stream stand together, in the order of the
    /// writes.
    ///
    /// - Throws: ``KurrentFailure/invalid(_:)`` also for a stream that is written together with its metadata: the store changes
    ///   a stream once in an append.
    /// - Complexity: one append of the store. One state is looked up for each stream when it is refused, and before it for each
    ///   that must be deleted.
    func append(_ writes: [Write], checks: [Check] = []) async throws(KurrentFailure) -> SeveralAppended {
        let targets = try targets(of: writes, checks)
        let repeatable = Set(targets.filter(\.expectsNoRevision).compactMap(\.events.first?.id))
        try await underWay.begin(repeatable)
        defer { underWay.end(repeatable) }
        var seen: [StreamName: KurrentStreamState] = [:]
        for target in targets where target.condition.isLookedUpFirst {
            seen[target.stream] = try await lookUp(target)
        }
        for _ in 0..<Self.attempts {
            let draft = try await draft(of: targets, seen)
            let before = recent.latest
            let result: AppendResult?
            do {
                result = try await commit(draft.request)
            } catch {
                switch error {
                case .wrongExpectedVersion, .streamTombstoned: result = nil
                default:
                    if error.mayBeWritten { for id in repeatable { recent.doubt(id, after: before) } }
                    throw KurrentFailure(error, stream: "", expected: .any)
                }
            }
            if let result { return settle(result, of: draft, targets) }
            for target in targets { seen[target.stream] = try await lookUp(target) }
            var violations = Self.violations(of: targets, seen) { target, state in
                !state.fulfils(target.condition, isWritten: target.isWritten)
            }
            if violations.isEmpty {
                violations = Self.violations(of: targets, seen) { target, _ in draft.repeats.contains(target.stream) }
            }
            if !violations.isEmpty { return .refused(violations) }
        }
        throw .unavailable("The streams of the append have changed each time that it was tried: try again.")
    }

    /// One of the append's streams.
    private struct Target {
        let place: Violation.Place
        let stream: StreamName
        let name: String
        let condition: KurrentCondition
        /// Empty for a stream that is only checked.
        let events: [NewEvent]

        var isWritten: Bool { !events.isEmpty }
        /// Whether the store does not see a repeat by what is expected.
        var expectsNoRevision: Bool { condition == .expectation(.any) || condition == .expectation(.exists) }
    }

    private func targets(of writes: [Write], _ checks: [Check]) throws(KurrentFailure) -> [Target] {
        var targets: [Target] = []
        targets.reserveCapacity(writes.count + checks.count)
        for (index, write) in writes.enumerated() {
            targets.append(
                Target(
                    place: .write(index), stream: try writable(write.name), name: write.name,
                    condition: write.condition, events: write.events))
        }
        for (index, check) in checks.enumerated() {
            targets.append(
                Target(
                    place: .check(index), stream: try writable(check.name), name: check.name,
                    condition: check.condition, events: []))
        }
        return targets
    }

    private func writable(_ name: String) throws(KurrentFailure) -> StreamName {
        if name == "$all" { throw .accessDenied }
        return try stream(name)
    }

    private func lookUp(_ target: Target) async throws(KurrentFailure) -> KurrentStreamState {
        let state = try await state(of: target.stream)
        switch state.status {
        case .live: return .revision(state.lastVersion?.rawValue ?? -1)
        case .deleted: return .deleted(last: state.lastVersion?.rawValue)
        case .tombstoned: return .tombstoned
        case .missing:
            guard let metadata = KurrentNames.metadata(of: target.name) else { return .missing(hasMetadata: false) }
            return .missing(hasMetadata: try await self.state(of: metadata).lastVersion != nil)
        }
    }

    private static func violations(
        of targets: [Target], _ states: [StreamName: KurrentStreamState],
        where isViolated: (Target, KurrentStreamState) -> Bool
    ) -> [Violation] {
        targets.compactMap { target in
            guard let state = states[target.stream], isViolated(target, state) else { return nil }
            return Violation(place: target.place, name: target.name, condition: target.condition, state: state)
        }
    }

    /// Takes over what follows from an append for the appends after it.
    private func settle(_ result: AppendResult, of draft: Draft, _ targets: [Target]) -> SeveralAppended {
        let versions = Dictionary(
            result.streams.map { ($0.stream, $0.version?.rawValue ?? -1) }, uniquingKeysWith: { first, _ in first })
        if !result.isRepeat {
            var end = result.position.rawValue
            for target in targets.reversed() where target.isWritten {
                if let version = versions[target.stream] {
                    recent.remember(
                        target.events.lazy.map(\.id), in: target.stream, endingAt: StreamVersion(version), Position(end)
                    )
                }
                end -= Int64(target.events.count)
            }
            for write in draft.appends { deleted.remove(write.stream, at: result.position) }
            for stream in draft.deletions { deleted.insert(stream, at: result.position) }
        }
        return .appended(
            revisions: targets.filter(\.isWritten).map { versions[$0.stream] ?? -1 },
            position: result.position.rawValue)
    }

    // MARK: - What the store is asked for

    /// A request to the store in the making.
    private struct Draft {
        /// What is asked of streams that nothing in the request writes.
        var checks: [StreamName: ExpectedVersion] = [:]
        /// What the events bring about beside them: settings, deletions, metadata of streams that are written again.
        var consequences: [StreamWrite] = []
        var appends: [StreamWrite] = []
        /// The streams whose events, of no expected revision, are recorded already.
        var repeats: Set<StreamName> = []
        /// The streams that are deleted by their metadata.
        var deletions: [StreamName] = []
        /// Something was seen that cannot hold any more: the store is to recognise a repeat, and to write nothing else.
        var isRefused = false

        /// A stream that is checked, too, is checked by the write.
        mutating func add(consequence write: StreamWrite) {
            var write = write
            if let expected = checks.removeValue(forKey: write.stream) {
                // Who asks for a version knows that it is there.
                if write.expected == .any || expected != .streamExists { write.expected = expected }
            }
            consequences.append(write)
        }

        /// The events come last, so that the position of the last one is the append's.
        var request: AppendRequest {
            var request = AppendRequest(writes: consequences + appends)
            for (stream, expected) in checks { request.check(stream, at: expected) }
            if isRefused { request.check(StreamName(unchecked: "$none-\(EventID())"), at: .streamExists) }
            return request
        }
    }

    private func draft(
        of targets: [Target], _ seen: [StreamName: KurrentStreamState]
    ) async throws(KurrentFailure) -> Draft {
        var draft = Draft()
        var written: Set<StreamName> = []
        for target in targets {
            if target.isWritten {
                written.insert(target.stream)
            } else if let expected = Self.expected(of: target, seen[target.stream], &draft.isRefused) {
                draft.checks[target.stream] = expected
            }
        }
        for target in targets where target.isWritten {
            var expected = Self.expected(of: target, seen[target.stream], &draft.isRefused) ?? .any
            let subject = KurrentNames.subject(of: target.stream)
            switch try await repeated(target, subject: subject) {
            case .no:
                if let subject {
                    if let change = try await change(of: subject, by: target.events) {
                        try Self.refuse(written.contains(change.stream), stream: subject)
                        if case .delete = change.action { draft.deletions.append(change.stream) }
                        draft.add(consequence: change)
                    }
                } else if try await isDeleted(target.stream),
                    let revival = try await revival(of: target.stream, name: target.name)
                {
                    try Self.refuse(written.contains(revival.stream), stream: target.name)
                    draft.add(consequence: revival)
                }
            case .asExpected:
                break
            case .after(let version):
                expected = version
                draft.repeats.insert(target.stream)
            case .inParts:
                draft.isRefused = true
                draft.repeats.insert(target.stream)
            }
            draft.appends.append(StreamWrite(stream: target.stream, expected: expected, action: .append(target.events)))
        }
        return draft
    }

    private static func refuse(_ isWrittenTwice: Bool, stream: String) throws(KurrentFailure) {
        guard isWrittenTwice else { return }
        throw .invalid(
            "'\(stream.prefix(80))' cannot be written in one append with its metadata: append to one after the other.")
    }

    /// How the store is asked for a condition; nil when what was seen holds for ever.
    ///
    /// A stream that was seen deleted is never missing again: `.noStream` holds of it as long as it is deleted, and no longer.
    private static func expected(
        of target: Target, _ state: KurrentStreamState?, _ isRefused: inout Bool
    ) -> ExpectedVersion? {
        switch (target.condition, state) {
        case (.expectation(.noStream), .tombstoned?) where !target.isWritten: return nil
        case (.tombstoned, .tombstoned?) where !target.isWritten: return nil
        case (.expectation(.exists), .missing(hasMetadata: true)?): return .noStream
        case (.expectation(let expected), _): return expected.version
        case (.deleted, .deleted?): return .noStream
        case (.deleted, _), (.tombstoned, _):
            isRefused = true
            return target.isWritten ? .noStream : nil
        }
    }

    /// Whether a write was made before.
    private enum Repeated {
        case no
        /// Yes, and the store sees it by what is expected.
        case asExpected
        /// Yes, behind this version: whoever expects it is answered with the first result.
        case after(ExpectedVersion)
        /// The first event is recorded, and not all of the others behind it.
        case inParts
    }

    private func repeated(_ target: Target, subject: String?) async throws(KurrentFailure) -> Repeated {
        let events = target.events
        switch target.condition {
        case .deleted, .tombstoned: return .no
        case .expectation(let expected) where expected == .any || expected == .exists:
            guard subject == nil else {
                guard let last = try await lastEvent(of: target.stream), last.id == events.last?.id else { return .no }
                return .after(Self.before(last.version.advanced(by: 1 - events.count)))
            }
            guard let first = try await place(of: events[0].id, in: target.stream)?.version else { return .no }
            for (offset, event) in events.enumerated().dropFirst() {
                guard recent.place(of: event.id, in: target.stream)?.version == first.advanced(by: offset) else {
                    return .inParts
                }
            }
            return .after(Self.before(first))
        case .expectation(let expected):
            // Of other streams the store sees it; what metadata brings about keeps it from that.
            guard subject != nil else { return .no }
            return try await recorded(events, in: target.stream, expecting: expected) == nil ? .no : .asExpected
        }
    }

    private static func before(_ version: StreamVersion) -> ExpectedVersion {
        version <= .first ? .noStream : .version(version.advanced(by: -1))
    }
}
#endif
