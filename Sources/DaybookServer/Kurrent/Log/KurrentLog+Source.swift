#if Server
import DaybookCore

extension KurrentLog {
    /// The stream of a client's name, for its readers.
    func source(of name: String) throws(KurrentFailure) -> any KurrentSource {
        if let stream = IndexStream(name) {
            if case .correlation(let key) = stream.content, let correlations {
                return CorrelationSource(log: self, stream: stream, key: key, index: correlations)
            }
            return IndexStreamSource(log: self, stream: stream, table: indexTables.table(of: stream))
        }
        return RecordedStream(log: self, name: name, stream: try self.stream(name))
    }

    /// Follows the links among events, one step each: the first events, as many as are ``Limits/pageBytes`` together, since
    /// what they lead to may be far larger than they are. One at least, unless there is none.
    func resolved(_ events: ArraySlice<KurrentEvent>) async throws -> [ResolvedEvent] {
        var resolved: [ResolvedEvent] = []
        resolved.reserveCapacity(events.count)
        var bytes = 0
        for event in events {
            let next = try await self.resolved(event)
            resolved.append(next)
            bytes += next.payloadBytes
            if bytes >= Limits.pageBytes { break }
        }
        return resolved
    }

    /// Follows an event, if it is a link, to what it leads to: there is none where that is hidden from the readers of its stream.
    func resolved(_ event: KurrentEvent) async throws -> ResolvedEvent {
        guard let target = event.linkTarget else { return ResolvedEvent(event) }
        guard let stream = try? self.stream(target.stream) else { return ResolvedEvent(link: event, target: nil) }
        let version = StreamVersion(target.revision)
        let page = try await store.readPage(of: stream, from: .version(version), direction: .forward, limit: 1)
        let found = page.events.first { $0.version == version }
        return ResolvedEvent(link: event, target: found.flatMap(KurrentEvent.init))
    }
}
#endif
