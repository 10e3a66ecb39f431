import DaybookCore

extension CommandHandler {
    /// A state to decide on, and what an append has to expect so that the decision holds.
    @usableFromInline
    struct Basis: Sendable {
        @usableFromInline var state: D.State
        /// The last event folded; nil when there is none.
        @usableFromInline var version: StreamVersion?
        @usableFromInline var position: Position
        @usableFromInline var expected: ExpectedVersion
        /// Whether the stream was read for this very decision, so that the state can be no older than its beginning.
        @usableFromInline var isVerified: Bool
        /// Whether the state stays true of its version: it does not when retention hides events of the stream.
        @usableFromInline var isCacheable: Bool
        /// Events folded since the last snapshot that is known.
        @usableFromInline var eventsSinceSnapshot = 0
        /// When the last event of a snapshot was recorded; nil for a basis that was not made of one.
        @usableFromInline var recordedAt: Timestamp?
        /// Whether the policy asks for a snapshot, for another reason than the number of events.
        @usableFromInline var isSnapshotDue = false
        /// What was expected of the control stream.
        @usableFromInline var control = ExpectedVersion.noStream
        /// The identifier of the last event folded; nil when there is none.
        @usableFromInline var eventID: EventID?

        @inlinable
        mutating func advance(to result: AppendResult, of stream: StreamName) {
            guard let version = result.streams.first(where: { $0.stream == stream })?.version else { return }
            self.version = version
            position = result.position
            expected = .version(version)
        }
    }

    /// How many events a read of a stream takes: few enough that the next ones are read while these are folded. There is
    /// nothing to fold while the first are read.
    static var firstPageSize: Int { 64 }
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
            if let saved = try await savedBeginning(of: stream) { return try await continued(saved, in: stream) }
            return try await fold(stream, asOf: .latest)
        } catch {
            throw CommandError(error)
        }
    }

    /// Brings a basis up to date by what is new in its stream.
    func refreshed(_ basis: Basis?, in stream: StreamName) async throws(CommandError<D.Rejection>) -> Basis {
        guard let basis else { return try await load(stream) }
        do {
            return try await continued(Beginning(basis: basis), in: stream)
        } catch {
            throw CommandError(error)
        }
    }

    func fold(_ stream: StreamName, asOf moment: Moment) async throws(StateError) -> Basis {
        while true {
            let empty = Basis(
                state: D.initialState, version: nil, position: .start, expected: .noStream, isVerified: true,
                isCacheable: false)
            if let basis = try await extended(Beginning(basis: empty), in: stream, until: moment) { return basis }
        }
    }

    private func continued(_ beginning: Beginning, in stream: StreamName) async throws(StateError) -> Basis {
        if beginning.basis.isCacheable, beginning.basis.version != nil,
            let basis = try await extended(beginning, in: stream, until: .latest), basis.isCacheable
        {
            return basis
        }
        return try await fold(stream, asOf: .latest)
    }

    /// A basis to fold events on, and the page of those behind it where that was read already.
    struct Beginning: Sendable {
        var basis: Basis
        var page: StreamPage?
    }

    /// Folds events on top of a basis, page by page; a page is read while the one before it is folded.
    ///
    /// - Returns: Nil when the stream was deleted, or its retention changed, between pages or since the basis was made:
    ///   then there is no moment at which the state would have been true.
    private func extended(
        _ beginning: Beginning, in stream: StreamName, until moment: Moment
    ) async throws(StateError) -> Basis? {
        var basis = beginning.basis
        let start = basis.version
        var before: StreamState?
        var page: StreamPage
        if let first = beginning.page {
            page = first
        } else {
            page = try await self.page(
                of: stream, from: start.map { .version($0.next) } ?? .start, limit: Self.firstPageSize
            ).get()
        }
        while true {
            if let before, before.status != page.state.status || before.retention != page.state.retention {
                return nil
            }
            before = page.state
            if moment != .latest, let start {
                // A snapshot tells nothing of the past of a stream of which the beginning is gone.
                guard page.state.status == .live, page.state.retention == .unlimited,
                    let last = page.state.lastVersion, last >= start
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
            guard let last = page.events.last else {
                throw .read(.storageFailed(reason: "an empty page of stream '\(stream)' that is not its end"))
            }
            async let following = self.page(of: stream, from: .version(last.version.next), limit: Self.pageSize)
            guard try fold(page.events, until: moment, into: &basis) else { return basis }
            page = try await following.get()
        }
    }

    /// - Returns: False when an event came after the moment, which was not folded.
    private func fold(
        _ events: [RecordedEvent], until moment: Moment, into basis: inout Basis
    ) throws(StateError) -> Bool {
        let isDue = snapshots?.policy.isDue
        // An iterator would copy each event, with all that it refers to.
        return try events.withUnsafeBufferPointer { events throws(StateError) in
            for index in events.indices {
                guard moment.includes(events[index]) else { return false }
                do throws(EventDecodingError) {
                    try codec.decode(events[index]) { event in
                        D.evolve(&basis.state, with: event)
                        if let isDue, isDue(event) { basis.isSnapshotDue = true }
                    }
                } catch {
                    throw .undecodable(error)
                }
                basis.eventsSinceSnapshot += 1
                basis.version = events[index].version
                basis.eventID = events[index].id
                basis.position = events[index].position
            }
            return true
        }
    }

    func page(
        of stream: StreamName, from cursor: StreamCursor, limit: Int
    ) async -> Result<StreamPage, StateError> {
        do {
            return .success(
                try await store.readPage(of: stream, from: cursor, direction: .forward, limit: limit))
        } catch {
            return .failure(.read(error))
        }
    }

    /// Folds a stream up to a moment, from its snapshot when that is no later.
    private func folded(_ stream: StreamName, asOf moment: Moment) async throws(StateError) -> Basis {
        guard let saved = try await savedBeginning(of: stream), let version = saved.basis.version,
            let recordedAt = saved.basis.recordedAt
        else { return try await fold(stream, asOf: moment) }
        switch moment {
        case .latest: return try await continued(saved, in: stream)
        case .version(let last) where version <= last: break
        case .position(let last) where saved.basis.position <= last: break
        case .time(let last) where recordedAt <= last: break
        default: return try await fold(stream, asOf: moment)
        }
        if let basis = try await extended(saved, in: stream, until: moment) { return basis }
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
            if moment == .latest, let kept = turns.kept(for: stream) {
                try await continued(Beginning(basis: KeptBasis<D>.from(kept).basis), in: stream)
            } else {
                try await folded(stream, asOf: moment)
            }
        return VersionedState(basis.state, version: basis.version, position: basis.position)
    }
}
