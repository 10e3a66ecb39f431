import DaybookCore
import Synchronization

/// Carries out the commands of a decider: loads the subject's state, decides, appends, and decides again when another
/// writer was first.
///
/// ```swift
/// let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
/// let receipt = try await accounts.handle(.deposit(amount: 100), id: "42", commandID: "deposit-17")
/// let state = try await accounts.state(of: "42").state
/// ```
///
/// **Repeats.** A command with an identifier takes effect once, for good: whoever repeats it, after a lost reply or a
/// restart, gets the first receipt again. A repeat without an identifier is a new command.
///
/// **Cost.** A command on a cached state costs one append, whatever the length of the stream, and no read; otherwise
/// its stream is read from the start, or from its snapshot. The first command on a stream that was deleted or given a
/// retention, and each one with ``StateCachePolicy/none``, appends and reads once more. Commands on one subject take
/// turns within this handler, so that they do not conflict with each other; those on different subjects run side by
/// side.
///
/// **Who and why.** The events carry the ``CommandContext`` of the calling task. The commands themselves are recorded
/// when asked (``CommandRecording``).
public final class CommandHandler<D: Decider>: Sendable {
    @usableFromInline let store: any EventStore
    @usableFromInline let category: Category
    @usableFromInline let codec: any EventCodec<D.Event>
    @usableFromInline let retry: RetryPolicy
    let clock: any Clock<Duration>
    let randomness: Mutex<any RandomNumberGenerator & Sendable>
    @usableFromInline let turns: StreamTurns
    @usableFromInline let snapshots: StateSnapshots<D>?
    @usableFromInline let recording: CommandRecording<D.Command>

    /// - Parameters:
    ///   - category: The first part of the streams' names, before the subject's identifier; has no `-` in it.
    ///   - retry: How often to decide anew when other writers were first.
    ///   - cache: How many states to keep in memory.
    ///   - recording: Whether the commands themselves are recorded beside their events.
    ///   - clock: Measures the waits between attempts.
    ///   - randomness: Spreads the waits between attempts.
    public convenience init(
        _ decider: D.Type, in store: any EventStore, category: Category,
        codec: any EventCodec<D.Event> = JSONEventCodec<D.Event>(), retry: RetryPolicy = .default,
        cache: StateCachePolicy = .default, recording: CommandRecording<D.Command> = .none,
        clock: any Clock<Duration> = ContinuousClock(),
        randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.init(
            store: store, category: category, codec: codec, retry: retry, cache: cache, recording: recording,
            clock: clock, randomness: randomness, snapshots: nil)
    }

    init(
        store: any EventStore, category: Category, codec: any EventCodec<D.Event>, retry: RetryPolicy,
        cache: StateCachePolicy, recording: CommandRecording<D.Command>, clock: any Clock<Duration>,
        randomness: any RandomNumberGenerator & Sendable, snapshots: StateSnapshots<D>?
    ) {
        self.snapshots = snapshots
        self.recording = recording
        self.store = store
        self.category = category
        self.codec = codec
        self.retry = retry
        self.clock = clock
        self.randomness = Mutex(randomness)
        turns = StreamTurns(limit: cache.limit)
    }

    /// Carries out a command on the subject of this identifier.
    ///
    /// A command that decides nothing records nothing, but for its identifier when it has one.
    ///
    /// - Parameters:
    ///   - id: The subject's identifier: with the category, the name of its stream.
    ///   - commandID: Makes the command take effect once, however often it is repeated. Give every command its own: a
    ///     different command with the same identifier on the same subject gets the first one's receipt.
    /// - Returns: The events recorded, and where. A repeat gets what the first call got, or would have got.
    /// - Throws: ``CommandError``. When its ``CommandError/mayBeRecorded`` is true, repeat the command with the same
    ///   identifier to learn its result.
    @inlinable
    @discardableResult
    public func handle(
        _ command: D.Command, id: String, commandID: CommandID? = nil
    ) async throws(CommandError<D.Rejection>) -> CommandReceipt<D.Event> {
        try await handle(.one(command, CommandContext.current), id: id, commandID: commandID)
    }

    /// Carries out several commands on one subject, all or none: each is decided on the state that those before it
    /// leave, and all their events are recorded by one append.
    ///
    /// - Parameters:
    ///   - commands: They may decide up to ``Limits/eventsPerAppend`` events in all.
    ///   - commandID: Stands for all of the commands together.
    /// - Throws: ``CommandError``; a rejection is ``CommandError/rejectedInBatch(_:index:)``.
    @inlinable
    @discardableResult
    public func handle(
        _ commands: [D.Command], id: String, commandID: CommandID? = nil
    ) async throws(CommandError<D.Rejection>) -> CommandReceipt<D.Event> {
        let context = CommandContext.current
        return try await handle(.batch(commands.map { ($0, context) }), id: id, commandID: commandID)
    }

    /// Carries out several commands on one subject, all or none, each in a context of its own, such as the time at
    /// which each happened. What a context leaves nil is taken from the calling task's.
    @inlinable
    @discardableResult
    public func handle(
        _ commands: [(command: D.Command, context: CommandContext)], id: String, commandID: CommandID? = nil
    ) async throws(CommandError<D.Rejection>) -> CommandReceipt<D.Event> {
        let current = CommandContext.current
        return try await handle(
            .batch(commands.map { ($0.command, $0.context.completed(by: current)) }), id: id, commandID: commandID)
    }

    @inlinable
    func handle(
        _ commands: Attempt.Commands, id: String, commandID: CommandID?
    ) async throws(CommandError<D.Rejection>) -> CommandReceipt<D.Event> {
        let stream: StreamName
        do {
            stream = try StreamName(category: category, id: id)
            if recording.encode != nil { _ = try StreamName(stream.commands.rawValue) }
        } catch {
            throw .invalidID(error)
        }
        guard !Task.isCancelled, var turn = await turns.take(stream) else { throw .cancelled(mayBeRecorded: false) }
        // Out of the turn, so that nothing else refers to the state, and it is changed in place.
        var attempt = Attempt(
            commands, on: stream, tags: D.tags(ofSubject: id), commandID: commandID, kept: turn.kept.take())
        if !attempt.hasBasis { await endIfRepeat(&attempt) }
        if attempt.result == nil { await carryOut(&attempt) }
        // A basis is true of its version whatever became of the commands, so that it may always be kept.
        turns.give(turn, leaving: attempt.basisToKeep { saveSnapshotIfDue(of: &$0, stream) })
        return try attempt.finished()
    }
}
