import DaybookCore

extension AcknowledgedAppends {
    /// Plants each kind of violation in a log that has none, to show that it would be reported.
    ///
    /// - Returns: Those that are not, or for which there is no place.
    public func missed(in log: [RecordedEvent]) -> [Violation.Kind] {
        Violation.Kind.allCases.filter { kind in
            if kind == .toldRepeat, mayRepeat { return false }
            var appends = self
            var planted = log
            guard appends.plant(kind, in: &planted) else { return true }
            return !appends.violations(in: planted).contains { $0.kind == kind }
        }
    }

    /// - Returns: Whether there was a place for it.
    private mutating func plant(_ kind: Violation.Kind, in log: inout [RecordedEvent]) -> Bool {
        guard log.count > 1, let end = log.last, let latest = told.last,
            let large = told.lastIndex(where: { $0.ids.count > 1 })
        else { return false }
        let ids = told[large].ids
        switch kind {
        case .lost: log.removeAll { latest.ids.contains($0.id) }
        case .torn: log.removeAll { $0.id == ids[ids.count - 1] }
        case .tornUnknown:
            unknown.append(told.remove(at: large).ids)
            log.removeAll { $0.id == ids[ids.count - 1] }
        case .twice: log.append(end.moved(to: end.position.next, version: end.version.next))
        case .unasked: log.append(end.moved(id: EventID(), to: end.position.next, version: end.version.next))
        case .versionGap: log[log.count - 1] = end.moved(version: end.version.next)
        case .positionGoesBack: log.swapAt(log.count - 2, log.count - 1)
        case .otherPosition: told[0].result.position = told[0].result.position.next
        case .otherVersion: told[0].result.streams[0].version = told[0].result.version?.next
        case .scattered:
            guard let second = log.firstIndex(where: { $0.id == ids[1] }) else { return false }
            for index in second..<log.count { log[index] = log[index].moved(to: log[index].position.next) }
        case .brokenCondition:
            let conditional = told.indices.filter { told[$0].condition != nil }
            guard let index = conditional.max(by: { told[$0].result.position < told[$1].result.position }) else {
                return false
            }
            told[index].condition?.after = .start
        case .toldRepeat: told[0].result.isRepeat = true
        }
        return true
    }
}

extension RecordedEvent {
    fileprivate func moved(
        id: EventID? = nil, to position: Position? = nil, version: StreamVersion? = nil
    ) -> RecordedEvent {
        RecordedEvent(
            id: id ?? self.id, type: type, schemaVersion: schemaVersion, contentType: contentType, data: data,
            metadata: metadata, tags: tags, stream: stream, version: version ?? self.version,
            position: position ?? self.position, recordedAt: recordedAt)
    }
}
