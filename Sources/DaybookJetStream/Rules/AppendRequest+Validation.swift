#if JetStream
import DaybookCore

extension AppendRequest {
    /// Checks everything that can be told from the request alone.
    ///
    /// - Complexity: O(events and tags).
    func validate() throws(InvalidAppend) {
        guard !writes.isEmpty || commandID != nil else { throw .empty }
        guard writes.count + checks.count <= Limits.streamsPerAppend else {
            throw .tooManyStreams(writes.count + checks.count)
        }
        try validateStreams()
        var events = 0
        var bytes = 0
        var identifiers: Set<EventID> = []
        for write in writes {
            switch write.action {
            case .append(let new):
                guard !new.isEmpty else { throw .noEvents(stream: write.stream) }
                events += new.count
                guard events <= Limits.eventsPerAppend else { throw .tooManyEvents(events) }
                for event in new {
                    let size = event.data.count + event.metadata.count
                    guard size <= Limits.eventBytes else { throw .eventTooLarge(id: event.id, bytes: size) }
                    bytes += size
                    guard event.tags.count <= Limits.tagsPerEvent else {
                        throw .tooManyTags(id: event.id, count: event.tags.count)
                    }
                }
                if new.count > 1 || writes.count > 1 {
                    for event in new where !identifiers.insert(event.id).inserted { throw .repeatedEventID(event.id) }
                }
            case .setRetention(let retention):
                guard retention.maxAge.map({ $0 >= .microseconds(1) }) ?? true,
                    retention.maxCount.map({ $0 >= 1 }) ?? true,
                    retention.truncateBefore.map({ $0 >= .first }) ?? true
                else { throw .retention(retention) }
                bytes += try Self.metadataBytes(of: write)
            case .delete, .tombstone:
                bytes += try Self.metadataBytes(of: write)
            }
        }
        guard bytes <= Limits.appendBytes else { throw .requestTooLarge(bytes: bytes) }
        if let query = condition?.failIfEventsMatch {
            guard !query.items.isEmpty else { throw .emptyCondition }
            guard query.isWithinLimits else {
                throw .queryTooLarge(items: query.items.count, terms: query.termCount)
            }
        }
    }

    private static func metadataBytes(of write: StreamWrite) throws(InvalidAppend) -> Int {
        guard write.metadata.count <= Limits.eventBytes else {
            throw .metadataTooLarge(stream: write.stream, bytes: write.metadata.count)
        }
        return write.metadata.count
    }

    private func validateStreams() throws(InvalidAppend) {
        for stream in writes.lazy.map(\.stream) where stream.isControl {
            throw .name(
                InvalidName(
                    kind: StreamName.kind, text: stream.rawValue, reason: .reserved(prefix: StreamName.controlPrefix)))
        }
        guard writes.count + checks.count > 1 else { return }
        var seen: Set<StreamName> = []
        for write in writes where !seen.insert(write.stream).inserted { throw .repeatedStream(write.stream) }
        for check in checks where !seen.insert(check.stream).inserted { throw .repeatedStream(check.stream) }
    }
}

extension EventQuery {
    var termCount: Int { items.reduce(0) { $0 + $1.types.count + $1.tags.count } }

    var isWithinLimits: Bool {
        items.count <= Limits.itemsPerQuery && termCount <= Limits.termsPerQuery
    }

    /// Throws the error of a read whose query is too large.
    func validate() throws(ReadError) {
        guard isWithinLimits else { throw .queryTooLarge(items: items.count, terms: termCount) }
    }
}
#endif
