import DaybookCore

extension CommandHandler where D.State: Codable {
    /// A handler that saves snapshots of long-lived subjects, so that a state that is not in memory needs only the
    /// events since.
    ///
    /// A snapshot is used when it was made by the same ``Decider/foldVersion`` from a state of the same shape, and the
    /// stream's events are all still there; otherwise it is passed over, and replaced by the next.
    ///
    /// - Parameters:
    ///   - snapshots: When to save one.
    ///   - snapshotStore: Where; usually the same store as the events.
    public convenience init(
        _ decider: D.Type, in store: any EventStore, category: Category, snapshots: SnapshotPolicy<D.Event>,
        keptIn snapshotStore: any SnapshotStore, codec: any EventCodec<D.Event> = JSONEventCodec<D.Event>(),
        retry: RetryPolicy = .default, cache: StateCachePolicy = .default,
        recording: CommandRecording<D.Command> = .none, clock: any Clock<Duration> = ContinuousClock(),
        randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.init(
            store: store, category: category, codec: codec, retry: retry, cache: cache, recording: recording,
            clock: clock, randomness: randomness, snapshots: StateSnapshots(snapshots, in: snapshotStore))
    }
}

extension CommandHandler {
    /// Returns when every snapshot that is due has been saved, or given up: before a process ends, and in tests.
    public func finishSnapshots() async { await snapshots?.writer.finish() }

    /// Deletes the snapshot of a subject. Its state is the same without.
    public func deleteSnapshot(of id: String) async throws(DerivedStateError) {
        guard let snapshots, let stream = try? StreamName(category: category, id: id),
            let key = snapshots.key(of: stream)
        else { return }
        await snapshots.writer.finish()
        try await snapshots.store.deleteSnapshot(for: key)
    }

    /// Deletes the snapshots of this decider's subjects that no program of today can use, since the fold, the state's
    /// shape or the upcasters have changed. Those that are used are replaced by themselves.
    ///
    /// - Returns: How many were deleted.
    @discardableResult
    public func pruneSnapshots() async throws(DerivedStateError) -> Int {
        guard let snapshots else { return 0 }
        await snapshots.writer.finish()
        return try await snapshots.store.deleteSnapshots(
            keyPrefix: "\(snapshots.keyPrefix)\(category)-", exceptSchema: snapshots.schema)
    }

    /// A basis made of the latest snapshot, when the stream still has the event that it ends with, and the events behind
    /// it, which are read together with that one.
    func savedBeginning(of stream: StreamName) async throws(StateError) -> Beginning? {
        guard let snapshots, let (saved, eventID) = await snapshots.latest(of: stream),
            let version = saved.version
        else { return nil }
        var page = try await page(of: stream, from: .version(version), limit: Self.firstPageSize).get()
        guard page.state.status == .live, page.state.retention == .unlimited,
            let event = page.events.first, event.version == version, event.position == saved.position,
            event.id == eventID
        else {
            await snapshots.discard(of: stream)
            return nil
        }
        page.events.removeFirst()
        return Beginning(
            basis: Basis(
                state: saved.state, version: version, position: saved.position, expected: .version(version),
                isVerified: false, isCacheable: true, recordedAt: event.recordedAt, eventID: eventID),
            page: page.events.isEmpty && !page.isAtEnd ? nil : page)
    }

    /// Saves a snapshot of a basis when the policy asks for one.
    @usableFromInline
    func saveSnapshotIfDue(of basis: inout Basis, _ stream: StreamName) {
        guard let snapshots, basis.isCacheable, let version = basis.version, let eventID = basis.eventID,
            basis.eventsSinceSnapshot > 0,
            basis.isSnapshotDue || basis.eventsSinceSnapshot >= snapshots.policy.eventCount ?? .max
        else { return }
        guard
            snapshots.save(
                basis.state, of: stream, version: version, position: basis.position, event: eventID)
        else { return }
        basis.eventsSinceSnapshot = 0
        basis.isSnapshotDue = false
    }
}
