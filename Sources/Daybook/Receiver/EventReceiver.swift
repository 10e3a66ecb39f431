import DaybookCore

/// Takes events from other systems: into the log, or into a handler.
///
/// ```swift
/// let receiver = EventReceiver("payments", from: source, in: store)
/// try await receiver.run(into: store) { event in
///     Placement(stream: StreamName("payment-\(event.orderingKey)"), event: NewEvent(received: event))
/// }
/// ```
///
/// A source gives an event *at least once*, and again until it is dealt with. In the log it stands once, for ever, since the
/// receiver's name and the event's ``CloudEvent/source`` and ``CloudEvent/id`` are the command's; a handler has its effect once
/// by an ``Inbox`` (``Inbox/once(_:at:_:)``). The source is told that an event is dealt with after that, and never before.
///
/// Events with one ``CloudEvent/orderingKey`` are handled one after another in their order, as far as the source keeps it;
/// others of the same batch beside them. An event that *fails* comes again after a wait, and until it is handled its lane of the
/// source waits for it: an outage is everybody's. One that is *parked* (``ParkEvent``, what is no event, a name that is none, too
/// many tries) stops its key and no other: it is set aside, with all that comes behind it of its key, and the source goes on;
/// see ``parked()``, ``replay(_:_:)`` and ``skip(_:)``. What is set aside may have 12 MB.
///
/// Several processes may run one receiver, as far as the source shares out its lanes.
public struct EventReceiver: Sendable {
    public let name: ReceiverName
    private let source: any EventSource
    private let ledger: ReceiverLedger
    private let policy: ConsumerPolicy
    private let time: TimeSource
    private let clock: any Clock<Duration>

    /// Patient: an event is parked when it says so itself, and never for the number of its tries.
    public static let defaultPolicy = ConsumerPolicy(inFlight: 64, deliveries: .max)

    /// - Parameters:
    ///   - models: Where is kept what was set aside; one store for all processes that run the receiver.
    ///   - policy: How many keys of a batch are handled at once, how long to wait, and when to park. Lease, window and poll
    ///     interval are the source's own, and count for nothing here.
    ///   - time: Says when a message was parked.
    ///   - clock: What it sleeps by.
    public init(
        _ name: ReceiverName, from source: any EventSource, in models: any ReadModelStore,
        policy: ConsumerPolicy = EventReceiver.defaultPolicy, time: TimeSource = .system,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.name = name
        self.source = source
        self.policy = policy
        self.time = time
        self.clock = clock
        ledger = ReceiverLedger(model: name.model, models: models)
    }

    /// Handles what arrives until the task is cancelled or the source ends.
    ///
    /// - Parameter handler: Returns when the event is dealt with; throws to have it again later, ``ParkEvent`` to park it.
    /// - Throws: ``ReceiverError``.
    public func run(_ handler: @escaping @Sendable (CloudEvent) async throws -> Void) async throws(ReceiverError) {
        // A source may go on after a failure of a batch; what ends the receiver ends the source, too.
        let (endings, ending) = AsyncStream.makeStream(of: ReceiverError.self, bufferingPolicy: .bufferingOldest(1))
        let result: Result<Void, ReceiverError> = await withTaskGroup(of: Result<Void, ReceiverError>?.self) { group in
            group.addTask {
                do {
                    try await source.run { batch in
                        do { try await take(batch, handler) } catch let error as ReceiverError {
                            // The batch's own task was cancelled, as for a request whose sender is gone: others go on.
                            guard error != .cancelled else { throw CancellationError() }
                            ending.yield(error)
                            throw error
                        }
                    }
                    return .success(())
                } catch let error as ReceiverError {
                    return .failure(error)
                } catch {
                    return Task.isCancelled ? .success(()) : .failure(.source(reason: String(describing: error)))
                }
            }
            group.addTask {
                for await error in endings { return .failure(error) }
                return nil
            }
            var result: Result<Void, ReceiverError> = .success(())
            if case .some(.some(let first)) = await group.next() { result = first }
            group.cancelAll()
            return result
        }
        try result.get()
    }

    /// Records what arrives until the task is cancelled or the source ends.
    ///
    /// An event that was recorded before is not recorded again. One that the log can never take (it is too large, its stream
    /// was deleted for good, it has the identifiers of another) is parked.
    ///
    /// - Parameter place: Where an event belongs; nil for one that is to be left out. What it throws is as for
    ///   ``run(_:)``.
    /// - Throws: ``ReceiverError``.
    public func run(
        into log: any EventStore, _ place: @escaping @Sendable (CloudEvent) async throws -> Placement?
    ) async throws(ReceiverError) {
        try await run(recording(in: log, place))
    }

    /// The handler behind ``run(into:_:)``, for ``replay(_:_:)``.
    public func recording(
        in log: any EventStore, _ place: @escaping @Sendable (CloudEvent) async throws -> Placement?
    ) -> @Sendable (CloudEvent) async throws -> Void {
        { [name] event in
            guard let placement = try await place(event) else { return }
            let command = try CommandID(receiving: event, by: name)
            do throws(AppendError) {
                try await log.append([placement.event], to: placement.stream, commandID: command)
            } catch {
                switch error {
                case .closed: throw ReceiverError.log(error)
                case .storageFailed, .cancelled: throw error
                // The program may place it, or tag it, in another way by now.
                case .commandReused where try await Self.isRecorded(event, by: command, in: log): return
                default: throw ParkEvent(error.description)
                }
            }
        }
    }

    /// Whether the event that a command recorded was made of this one.
    private static func isRecorded(
        _ event: CloudEvent, by command: CommandID, in log: any EventStore
    ) async throws -> Bool {
        guard let receipt = try await log.receipt(for: command) else { return false }
        let page = try await log.readPage(
            from: .position(receipt.position), direction: .forward, filter: .everything, limit: 1)
        guard let recorded = page.events.first, recorded.position == receipt.position,
            let metadata = try? EventMetadata(decoding: recorded.metadata)
        else { return false }
        return metadata.additional[NewEvent.ReceivedKey.source] == event.source
            && metadata.additional[NewEvent.ReceivedKey.id] == event.id && recorded.data.elementsEqual(event.data)
    }

    // MARK: What was set aside

    /// The messages at which keys have stopped, by key.
    public func parked() async throws(ReceiverError) -> [ParkedMessage] { try await ledger.parked() }

    /// Gives a key's parked message to a handler again, and then those that wait behind it, in order. What arrives
    /// meanwhile waits behind them. When one fails, the key stays stopped at it.
    ///
    /// One process at a time replays a key.
    ///
    /// - Returns: How many were handled.
    /// - Throws: ``ReceiverError/notParked(key:)``, or what the handler throws.
    @discardableResult
    public func replay(
        _ key: String, _ handler: @escaping @Sendable (CloudEvent) async throws -> Void
    ) async throws -> Int {
        let key = MessageKey(key)
        guard try await ledger.held(key) != nil else { throw ReceiverError.notParked(key: key.text) }
        var handled = 0
        while let (number, message) = try await ledger.first(key) {
            do {
                let event = try message.content.get()
                try await HandlerDeadline(limit: policy.handlerTimeout, clock: clock).run { try await handler(event) }
            } catch {
                let reason = (error as? ParkEvent)?.reason ?? String(describing: error)
                try await ledger.note(reason, key, number, at: time.now)
                throw error
            }
            if try await ledger.settle(key, number, message.origin, leavesOut: false) { handled += 1 }
        }
        return handled
    }

    /// Leaves a key's parked message out for good. The key stays stopped at the next one, if one waits behind it: see
    /// ``replay(_:_:)``.
    ///
    /// - Returns: What was left out.
    /// - Throws: ``ReceiverError/notParked(key:)``, also when somebody else replays or skips the message at the same moment:
    ///   the one behind it is never left out in its place.
    @discardableResult
    public func skip(_ key: String) async throws(ReceiverError) -> ReceivedMessage {
        let key = MessageKey(key)
        guard let (number, message) = try await ledger.first(key),
            try await ledger.settle(key, number, message.origin, leavesOut: true)
        else { throw .notParked(key: key.text) }
        return message
    }

    // MARK: Handling

    private func take(
        _ batch: ReceivedBatch, _ handler: @escaping @Sendable (CloudEvent) async throws -> Void
    ) async throws {
        var order: [MessageKey] = []
        var messages: [MessageKey: [ReceivedMessage]] = [:]
        for message in batch.messages {
            let key = MessageKey(message)
            if messages[key, default: []].isEmpty { order.append(key) }
            messages[key, default: []].append(message)
        }
        let known = try await ledger.known(order, batch.messages.map { MessageKey($0.origin) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, key) in order.enumerated() {
                if index >= policy.inFlight { try await group.next() }
                // Set aside when it was given before, or left out for good.
                let messages = (messages[key] ?? []).filter {
                    known.origins.isEmpty || !known.origins.contains(MessageKey($0.origin))
                }
                let isHeld = known.keys.contains(key)
                group.addTask { try await take(messages, of: key, isHeld: isHeld, handler) }
            }
            try await group.waitForAll()
        }
    }

    /// Deals with the messages of one key in order.
    private func take(
        _ messages: [ReceivedMessage], of key: MessageKey, isHeld: Bool,
        _ handler: @escaping @Sendable (CloudEvent) async throws -> Void
    ) async throws {
        var isHeld = isHeld
        for message in messages {
            if isHeld {
                // Its key may have been replayed to the end meanwhile.
                isHeld = try await hold(message, of: key, reason: nil)
                if isHeld { continue }
            }
            if let reason = try await handle(message, handler) {
                isHeld = try await hold(message, of: key, reason: reason)
            }
        }
    }

    private func hold(_ message: ReceivedMessage, of key: MessageKey, reason: String?) async throws -> Bool {
        try await ledger.hold(message, of: key, reason: reason, at: time.now, atMost: policy.held)
    }

    /// - Returns: Why the message is to be parked; nil when it is dealt with.
    private func handle(
        _ message: ReceivedMessage, _ handler: @escaping @Sendable (CloudEvent) async throws -> Void
    ) async throws -> String? {
        let event: CloudEvent
        switch message.content {
        case .success(let content): event = content
        case .failure(let error):
            guard policy.unreadable == .park else { throw ReceiverError.unreadable(origin: message.origin, error) }
            return error.description
        }
        var tries = 0
        while true {
            do {
                try await HandlerDeadline(limit: policy.handlerTimeout, clock: clock).run { try await handler(event) }
                return nil
            } catch let error as ParkEvent {
                return error.reason
            } catch let error as InvalidName {
                return error.description
            } catch let error as ReceiverError {
                throw error
            } catch {
                try Task.checkCancellation()
                tries += 1
                if tries >= policy.deliveries { return String(describing: error) }
                try await clock.sleep(for: policy.wait(after: tries))
            }
        }
    }
}

extension CommandID {
    /// Names a receiver and an event of its, with their lengths in front, so that no two have one name.
    ///
    /// - Throws: ``InvalidName`` when they are too long together, or have control characters.
    public init(receiving event: CloudEvent, by receiver: ReceiverName) throws(InvalidName) {
        let (name, source) = (receiver.rawValue, event.source)
        try self.init("\(name.utf8.count).\(source.utf8.count) \(name) \(source) \(event.id)")
    }
}
