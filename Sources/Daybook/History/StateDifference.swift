import DaybookCore

/// What became of a subject between two moments.
public struct StateDifference<D: Decider>: Sendable {
    /// An event in between, and what it is today.
    public struct Step: Sendable {
        public var recorded: RecordedEvent
        public var events: [D.Event]
    }

    public var before: VersionedState<D.State>
    public var after: VersionedState<D.State>
    /// In order.
    public var steps: [Step]
}

extension CommandHandler {
    /// What became of a subject between two moments: its states, and the events that lead from one to the other.
    ///
    /// - Parameter later: Not before the earlier moment, or there are no steps.
    /// - Complexity: that of both states, and the events in between.
    public func difference(
        of id: String, from earlier: Moment, to later: Moment = .latest
    ) async throws(StateError) -> StateDifference<D> {
        let before = try await state(of: id, asOf: earlier)
        let after = try await state(of: id, asOf: later)
        var difference = StateDifference<D>(before: before, after: after, steps: [])
        guard let last = after.version, last > before.version ?? StreamVersion(-1) else { return difference }
        let stream: StreamName
        do { stream = try StreamName(category: category, id: id) } catch { throw .invalidID(error) }
        var cursor = StreamCursor.version(before.version?.next ?? .first)
        while true {
            let page: StreamPage
            do {
                page = try await store.readPage(of: stream, from: cursor, direction: .forward, limit: 1_000)
            } catch {
                throw .read(error)
            }
            for event in page.events {
                guard event.version <= last else { return difference }
                do { difference.steps.append(.init(recorded: event, events: try codec.decode(event))) } catch {
                    throw .undecodable(error)
                }
            }
            guard !page.isAtEnd, let end = page.events.last?.version, end < last else { return difference }
            cursor = .version(end.next)
        }
    }
}
