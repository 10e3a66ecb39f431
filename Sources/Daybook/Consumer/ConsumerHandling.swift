import DaybookCore

/// What happens to one event in a member's hands: it is read, handled, and answered.
struct ConsumerHandling<Event: ReadableEvent>: Sendable {
    let reader: any EventReader<Event>
    let handler: ConsumerHandler<Event>.Each
    /// On whose behalf a handler gives commands.
    let actor: String
    let limit: Duration
    let unreadable: UnreadableEventPolicy
    let clock: any Clock<Duration>

    /// - Returns: Nil when the handler was cancelled, because the member leaves: its event is given back.
    /// - Throws: When the event cannot be read, and that stops the member.
    func answer(to event: ClaimedEvent) async throws(EventDecodingError) -> ConsumerInput? {
        let (recorded, position, fence) = (event.recorded, event.recorded.position, event.fence)
        let events: [Event]
        do throws(EventDecodingError) { events = try reader.decode(recorded) } catch {
            guard unreadable == .park else { throw error }
            return .park(fence: fence, position: position, reason: error.description)
        }
        if events.isEmpty { return .acknowledge(fence: fence, position: position) }
        do {
            try await handle(
                ConsumerDelivery(
                    events: events, recorded: recorded, key: event.key, attempt: event.attempt, fence: fence))
            return .acknowledge(fence: fence, position: position)
        } catch let error as ParkEvent {
            return .park(fence: fence, position: position, reason: error.reason)
        } catch {
            guard !Task.isCancelled else { return nil }
            return .retry(fence: fence, position: position, reason: String(describing: error))
        }
    }

    /// Why a delivery failed whose handler was cancelled because it took too long.
    private struct Overdue: Error, CustomStringConvertible {
        let limit: Duration
        let reason: String
        var description: String { "The handler had not returned after \(limit), and was cancelled: \(reason)" }
    }

    /// Runs the handler, and cancels it when it takes too long. Its own answer counts, however late it comes.
    private func handle(_ delivery: ConsumerDelivery<Event>) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                let context = CommandContext(following: delivery.recorded, actor: actor)
                try await CommandContext.$current.withValue(context) { try await handler(delivery) }
                return true
            }
            group.addTask {
                try? await clock.sleep(for: limit)
                return false
            }
            let isHandled = try await group.next() ?? true
            group.cancelAll()
            guard !isHandled else { return }
            do {
                _ = try await group.next()
            } catch  where !(error is ParkEvent) {
                throw Overdue(limit: limit, reason: String(describing: error))
            }
        }
    }
}
