import DaybookCore

/// One member at work: a task that reads, claims and saves answers, and a task for each event in its handlers' hands, or
/// for all that were claimed at once.
///
/// All that has happened since the last save is saved together, so that many handlers share a transaction.
final class ConsumerMember<Event: ReadableEvent> {
    private let group: ConsumerGroup<Event>
    private let name: ConsumerMemberName
    private let handler: ConsumerHandler<Event>
    private let ledger: ConsumerLedger
    private let mailbox = ConsumerMailbox()
    /// Answers that were taken from the mailbox and are not saved: they outlive a step that is cancelled half way.
    private var answers: [ConsumerInput] = []
    /// Events of the window that were read and may be claimed.
    private var events: [Position: RecordedEvent] = [:]
    /// No event for the group lies between what the group has scanned and here.
    private var looked = Position.start
    private var renewAt: Timestamp

    init(_ group: ConsumerGroup<Event>, _ name: ConsumerMemberName, _ handler: ConsumerHandler<Event>) {
        self.group = group
        self.name = name
        self.handler = handler
        ledger = group.ledger()
        renewAt = group.time.now
    }

    /// No more is read while the events in hand have so many bytes.
    private static var bytesInHand: Int { 64 << 20 }
    /// The positions without events for the group after which they are saved as scanned.
    private static var unsavedPositions: Int64 { 10_000 }

    func run() async throws(ConsumerError) {
        guard !Task.isCancelled else { return }
        guard case .joined(let token)? = try await save([.join(name)]).first else { return }
        renewAt = group.time.now.advanced(by: group.policy.lease / 3)
        // Discarding: another group keeps each task that has ended until somebody asks for it.
        let failure: ConsumerError? = await withDiscardingTaskGroup { tasks in
            var failure: ConsumerError?
            do throws(ConsumerError) {
                while !Task.isCancelled { try await step(token, &tasks) }
            } catch {
                failure = error
            }
            tasks.cancelAll()
            return failure
        }
        // The handlers have ended. What they answered still counts, and what they did not is others' at once.
        answers += mailbox.take()
        switch failure {
        case nil, .cancelled: try await leave(token, answers)
        case .refused(let refusal): throw .refused(refusal)
        case .some(let failure):
            // The failure is what is told, whether or not the answers could still be saved.
            try? await leaveAfterFailure(token)
            throw failure
        }
    }

    private func leave(_ token: Int64, _ answers: [ConsumerInput]) async throws(ConsumerError) {
        _ = try await save([.renew(token: token)] + answers.gathered + [.leave(token: token)])
    }

    /// Leaves without the answers that are saved already, by a change whose own answer was lost: with them the others,
    /// and the leave, would be refused.
    private func leaveAfterFailure(_ token: Int64) async throws(ConsumerError) {
        try await ledger.refresh()
        try await leave(token, answers.filter { ledger.state.isOpen($0) })
    }

    /// Saves what has happened, and hands out what may be handled; waits when there is nothing to do.
    private func step(_ token: Int64, _ tasks: inout DiscardingTaskGroup) async throws(ConsumerError) {
        try await ledger.refresh()
        answers += mailbox.take()
        if let failure = mailbox.failure { throw .undecodable(failure) }
        let page = try await readPage(token)
        var inputs: [ConsumerInput] = []
        let now = group.time.now
        if now >= renewAt || !answers.isEmpty {
            inputs.append(.renew(token: token))
            renewAt = now.advanced(by: group.policy.lease / 3)
        }
        inputs += answers.gathered
        if let page, isWorthSaving(page) {
            let key = group.key
            inputs.append(
                .scan(
                    token: token, from: ledger.state.scanned, events: page.events.map { ($0.position, key($0)) },
                    through: page.scannedThrough))
        }
        inputs.append(.claim(token: token))
        let actions = try await save(inputs)
        let isIdle = answers.isEmpty && actions.isEmpty && page?.events.isEmpty ?? true && page?.isAtEnd ?? true
        answers = []
        var claimed: [ClaimedEvent] = []
        for action in actions {
            guard case .deliver(let position, let key, let deliveries, let isRepeated, let fence) = action else {
                continue
            }
            claimed.append(
                ClaimedEvent(
                    recorded: try await event(at: position), key: key, attempt: deliveries, isRepeated: isRepeated,
                    fence: fence))
        }
        start(claimed, &tasks)
        forgetSettled()
        if isIdle { await wait(token) }
    }

    // MARK: Reading

    private func readPage(_ token: Int64) async throws(ConsumerError) -> LogPage? {
        let room = ledger.state.room(group.policy)
        guard room > 0, ledger.state.isActive(token, group.policy), hasMemoryToSpare else { return nil }
        looked = max(looked, ledger.state.scanned)
        let page: LogPage
        do {
            page = try await group.log.readPage(
                from: .after(looked), direction: .forward, filter: group.filter,
                limit: min(room, Limits.eventsPerPage))
        } catch {
            throw ConsumerError(error)
        }
        for event in page.events { events[event.position] = event }
        if page.events.isEmpty { looked = max(looked, page.scannedThrough) }
        return page
    }

    private func isWorthSaving(_ page: LogPage) -> Bool {
        let unsaved = page.scannedThrough.rawValue - ledger.state.scanned.rawValue
        return unsaved > 0 && (!page.events.isEmpty || unsaved >= Self.unsavedPositions)
    }

    private func event(at position: Position) async throws(ConsumerError) -> RecordedEvent {
        if let event = events[position] { return event }
        let page: LogPage
        do {
            page = try await group.log.readPage(
                from: .position(position), direction: .forward, filter: .everything, limit: 1)
        } catch {
            throw ConsumerError(error)
        }
        guard let event = page.events.first, event.position == position else { throw .eventMissing(position) }
        return event
    }

    private var hasMemoryToSpare: Bool {
        func bytes() -> Int { events.values.reduce(0) { $0 + $1.data.count + $1.metadata.count } }
        guard bytes() > Self.bytesInHand else { return true }
        forgetSettled(evenIfFew: true)
        return bytes() <= Self.bytesInHand
    }

    /// Keeps no more events than the window has.
    private func forgetSettled(evenIfFew: Bool = false) {
        guard evenIfFew || events.count > 2 * ledger.state.window.count + 16 else { return }
        let open = Set(ledger.state.window.map(\.position))
        events = events.filter { open.contains($0.key) }
    }

    // MARK: Handling

    private func start(_ claimed: [ClaimedEvent], _ tasks: inout DiscardingTaskGroup) {
        guard !claimed.isEmpty else { return }
        let mailbox = mailbox
        switch handler {
        case .each(let handler):
            let handling = ConsumerHandling(
                reader: group.reader, handler: handler, actor: group.name.rawValue, limit: group.policy.handlerTimeout,
                unreadable: group.policy.unreadable, clock: group.clock)
            for event in claimed {
                tasks.addTask {
                    do throws(EventDecodingError) {
                        if let answer = try await handling.answer(to: event) { mailbox.post(answer) }
                    } catch {
                        mailbox.fail(error)
                    }
                }
            }
        case .together(let handler):
            let handling = ConsumerBatchHandling(
                reader: group.reader, handler: handler, limit: group.policy.handlerTimeout,
                unreadable: group.policy.unreadable, clock: group.clock, mailbox: mailbox)
            tasks.addTask { await handling.handle(claimed) }
        }
    }

    private func save(_ inputs: [ConsumerInput]) async throws(ConsumerError) -> [ConsumerAction] {
        let time = group.time
        return try await ledger.apply(at: { time.now }, group.policy, inputs)
    }

    /// Returns when a handler has answered, the log has grown, or it is time to look round.
    private func wait(_ token: Int64) async {
        let (mailbox, log, clock) = (mailbox, group.log, group.clock)
        let (position, interval) = (max(looked, ledger.state.scanned), group.policy.pollInterval)
        let hasRoom = ledger.state.room(group.policy) > 0 && hasMemoryToSpare
        let reads = hasRoom && ledger.state.isActive(token, group.policy)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await mailbox.wait() }
            if reads { group.addTask { _ = try? await log.head(beyond: position) } }
            group.addTask { try? await clock.sleep(for: interval) }
            await group.next()
            group.cancelAll()
        }
    }
}
