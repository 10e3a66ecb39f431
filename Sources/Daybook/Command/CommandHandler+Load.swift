import DaybookCore

extension CommandHandler {
    /// A state to decide on, and what an append has to expect so that the decision holds.
    struct Basis: Sendable {
        var state: D.State
        /// The last event folded; nil when there is none.
        var version: StreamVersion?
        var position: Position
        var expected: ExpectedVersion
        /// Whether the stream was read for this very decision, so that the state can be no older than its beginning.
        var isVerified: Bool
        /// Whether the state stays true of its version: it does not when retention hides events of the stream.
        var isCacheable: Bool
        /// Events folded since the last snapshot that is known.
        var eventsSinceSnapshot = 0
        /// When the last event of a snapshot was recorded; nil for a basis that was not made of one.
        var recordedAt: Timestamp?
        /// Whether the policy asks for a snapshot, for another reason than the number of events.
        var isSnapshotDue = false

        mutating func advance(to result: AppendResult, of stream: StreamName) {
            guard let version = result.streams.first(where: { $0.stream == stream })?.version else { return }
            self.version = version
            position = result.position
            expected = .version(version)
        }
    }

    /// How many events a read of a stream takes: few enough that the next ones are read while these are folded. There is
    /// nothing to fold while the first are read.
    private static var firstPageSize: Int { 64 }
    private static var pageSize: Int { 250 }

    /// Folds a stream from its snapshot, or else from its start.
    func load(_ stream: StreamName) async throws(CommandError<D.Rejection>) -> Basis {
        guard let limit = snapshots?.policy.replayTime else { return try await replayed(stream) }
        var result: Result<Basis, CommandError<D.Rejection>> = .failure(.cancelled(mayBeRecorded: false))
        let time = await clock.measure {
            do throws(CommandError<D.Rejection>) {
                result = .success(try await replayed(stream))
            } catch {
                result = .failure(error)
            }
        }
        var basis = try result.get()
        if time > limit { basis.isSnapshotDue = true }
        return basis
    }

    private func replayed(_ stream: StreamName) async throws(CommandError<D.Rejection>) -> Basis {
        do {
            if let basis = try await snapshotBasis(of: stream) { return try await continued(basis, in: stream) }
            return try await fold(stream, asOf: .latest)
        } catch {
            throw CommandError(error)
        }
    }

    /// Brings a basis up to date by what is new in its stream.
    func refreshed(_ basis: Basis?, in stream: StreamName) async throws(CommandError<D.Rejection>) -> Basis {
        guard let basis else { return try await load(stream) }
        do { return try await continued(basis, in: stream) } catch { throw CommandError(error) }
    }

    func fold(_ stream: StreamName, asOf moment: Moment) async throws(StateError) -> Basis {
        while true {
            let empty = Basis(
                state: D.initialState, version: nil, position: .start, expected: .noStream, isVerified: true,
                isCacheable: false)
            if let basis = try await extended(empty, in: stream, from: .start, until: moment) { return basis }
        }
    }

    func continued(_ basis: Basis, in stream: StreamName) async throws(StateError) -> Basis {
        if basis.isCacheable, let version = basis.version,
            let basis = try await extended(basis, in: stream, from: .version(version.next), until: .latest),
            basis.isCacheable
        {
            return basis
        }
        return try await fold(stream, asOf: .latest)
    }

    /// Folds events on top of a basis, page by page; a page is read while the one before it is folded.
    ///
    /// - Returns: Nil when the stream was deleted, or its retention changed, between pages or since the basis was made:
    ///   then there is no moment at which the state would have been true.
    private func extended(
        _ start: Basis, in stream: StreamName, from first: StreamCursor, until moment: Moment
    ) async throws(StateError) -> Basis? {
        var basis = start
        var before: StreamState?
        guard var page = try await self.page(of: stream, from: first, limit: Self.firstPageSize)?.get() else {
            return nil
        }
        while true {
            if let before, before.status != page.state.status || before.retention != page.state.retention {
                return nil
            }
            before = page.state
            if moment != .latest, let version = start.version {
                // A snapshot tells nothing of the past of a stream of which the beginning is gone.
                guard page.state.status == .live, page.state.retention == .unlimited,
                    let last = page.state.lastVersion, last >= version
                else { return nil }
            }
            if page.isAtEnd {
                if try fold(page.events, until: moment, into: &basis) {
                    basis.expected = page.state.expectedVersion
                    basis.isVerified = true
                    basis.isCacheable =
                        (page.state.status == .live || page.state.status == .missing)
                        && page.state.retention == .unlimited && basis.version == page.state.lastVersion
                }
                return basis
            }
            let behind = page.events.last.map { StreamCursor.version($0.version.next) }
            async let following = self.page(of: stream, from: behind, limit: Self.pageSize)
            guard try fold(page.events, until: moment, into: &basis) else { return basis }
            guard let next = await following else {
                throw .read(.storageFailed(reason: "an empty page of stream '\(stream)' that is not its end"))
            }
            page = try next.get()
        }
    }

    /// - Returns: False when an event came after the moment, which was not folded.
    private func fold(
        _ events: [RecordedEvent], until moment: Moment, into basis: inout Basis
    ) throws(StateError) -> Bool {
        let isDue = snapshots?.policy.isDue
        for recorded in events {
            guard moment.includes(recorded) else { return false }
            let decoded: [D.Event]
            do { decoded = try codec.decode(recorded) } catch { throw .undecodable(error) }
            for event in decoded {
                D.evolve(&basis.state, with: event)
                if let isDue, isDue(event) { basis.isSnapshotDue = true }
            }
            basis.eventsSinceSnapshot += 1
            basis.version = recorded.version
            basis.position = recorded.position
        }
        return true
    }

    private func page(
        of stream: StreamName, from cursor: StreamCursor?, limit: Int
    ) async -> Result<StreamPage, StateError>? {
        guard let cursor else { return nil }
        do {
            return .success(
                try await store.readPage(of: stream, from: cursor, direction: .forward, limit: limit))
        } catch {
            return .failure(.read(error))
        }
    }

    /// Folds a stream up to a moment, from its snapshot when that is no later.
    private func folded(_ stream: StreamName, asOf moment: Moment) async throws(StateError) -> Basis {
        guard let saved = try await snapshotBasis(of: stream), let version = saved.version,
            let recordedAt = saved.recordedAt
        else { return try await fold(stream, asOf: moment) }
        switch moment {
        case .latest: return try await continued(saved, in: stream)
        case .version(let last) where version <= last: break
        case .position(let last) where saved.position <= last: break
        case .time(let last) where recordedAt <= last: break
        default: return try await fold(stream, asOf: moment)
        }
        if let basis = try await extended(saved, in: stream, from: .version(version.next), until: moment) {
            return basis
        }
        return try await fold(stream, asOf: moment)
    }

    /// The state of a subject, now or at any past moment.
    ///
    /// Events that retention hides, or that were deleted, do not count.
    ///
    /// - Parameter moment: Events recorded after it are not folded.
    /// - Complexity: O(events up to the moment); for `.latest` and a cached state, O(events that are new); from
    ///   a snapshot that is no later than the moment, O(events behind it).
    public func state(
        of id: String, asOf moment: Moment = .latest
    ) async throws(StateError) -> VersionedState<D.State> {
        let stream: StreamName
        do { stream = try StreamName(category: category, id: id) } catch { throw .invalidID(error) }
        let basis =
            if moment == .latest, let cached = cache.value(for: stream) {
                try await continued(cached, in: stream)
            } else {
                try await folded(stream, asOf: moment)
            }
        return VersionedState(basis.state, version: basis.version, position: basis.position)
    }
}
