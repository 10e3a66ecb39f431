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
                    events: events, recorded: recorded, key: event.key, attempt: event.attempt, fence: fence,
                    isRepeated: event.isRepeated))
            return .acknowledge(fence: fence, position: position)
        } catch let error as ParkEvent {
            return .park(fence: fence, position: position, reason: error.reason)
        } catch {
            guard !Task.isCancelled else { return nil }
            return .retry(fence: fence, position: position, reason: String(describing: error))
        }
    }

    private func handle(_ delivery: ConsumerDelivery<Event>) async throws {
        try await HandlerDeadline(limit: limit, clock: clock).run {
            let context = CommandContext(following: delivery.recorded, actor: actor)
            try await CommandContext.$current.withValue(context) { try await handler(delivery) }
        }
    }
}
