import Daybook
import DaybookCore

/// All that ever concerned one order: in its book, and in the accounts of its owner.
public struct OrderStory: Sendable {
    /// One event of the story.
    public struct Step: Sendable, Codable {
        /// The event's place: `cash-T017@42`.
        public var event: String
        public var id: EventID
        public var position: Position
        public var type: EventType
        /// What happened, in words.
        public var what: String
        /// When it happened on the market.
        public var time: Timestamp
        public var recordedAt: Timestamp
        /// Who asked for it.
        public var actor: String?
        /// Why, in the actor's words.
        public var reason: String?
        /// What directly caused it.
        public var causationID: String?
        /// What all of the story has in common.
        public var correlationID: String?
    }

    public let order: OrderID
    public let steps: [Step]

    /// Reads an order's story by the tag that all its events have; no steps when nobody has heard of the order.
    ///
    /// - Complexity: O(the order's events) where the store has an index of tags.
    public init(of order: OrderID, in store: any EventStore) async throws {
        self.order = order
        var steps: [Step] = []
        for try await event in store.events(filter: EventFilter(tags: [order.tag])) {
            let metadata = try EventMetadata(decoding: event.metadata)
            steps.append(
                Step(
                    event: EventReference(stream: event.stream, version: event.version).description,
                    id: event.id, position: event.position, type: event.type,
                    what: try Self.words(for: event, about: order),
                    time: metadata.occurredAt ?? event.recordedAt, recordedAt: event.recordedAt,
                    actor: metadata.actor, reason: metadata.reason, causationID: metadata.causationID,
                    correlationID: metadata.correlationID))
        }
        self.steps = steps
    }

    /// What happened, in words; as an order sees it, when one is given.
    static func words(for event: RecordedEvent, about order: OrderID? = nil) throws -> String {
        let parts: [String] =
            switch event.stream.category {
            case OrderBook.category:
                try JSONEventCodec<OrderBook.Event>().decode(event).map { words(for: $0, about: order) }
            case CashAccount.category: try JSONEventCodec<CashAccount.Event>().decode(event).map(words)
            case Holdings.category: try JSONEventCodec<Holdings.Event>().decode(event).map(words)
            case PositionLimit.category: try JSONEventCodec<PositionEvent>().decode(event).map(words)
            case Clearing.category where ClearingEvent.eventTypes.contains(event.type):
                try JSONEventCodec<ClearingEvent>().decode(event).map(words)
            case Clearing.category where event.type == "process.sent":
                try JSONEventCodec<ProcessRecord<ClearingCommand>>().decode(event).map(words)
            default: [event.type.rawValue]
            }
        return parts.joined(separator: "; ")
    }

    private static func words(for event: OrderBook.Event, about order: OrderID?) -> String {
        switch event {
        case .opened(let instrument, let session, _, _, let kind):
            "the book of \(instrument) opened for \(session)" + (kind == .share ? "" : ", \(kind)")
        case .submitted(_, _, let side, let limit, let quantity, let resting):
            "submitted: \(side) \(quantity) at \(limit)" + (resting == 0 ? ", to trade at once" : "")
        case .rested(_, _, _, let price, let quantity): "the remaining \(quantity) rest at \(price)"
        case .expired(_, _, _, let quantity): "the remaining \(quantity) expired"
        case .executed(let execution, let resting, _, _, let price, let quantity, let against, _, _):
            order == against
                ? "executed \(quantity) at \(price) against "
                    + (resting.map { "resting order \($0)" } ?? "the opening book") + " (\(execution))"
                : "executed \(quantity) at \(price) against incoming order \(against) (\(execution))"
        case .interestAccrued(let execution, _, _, _, _, let quantity, let since, let through, let amount):
            "accrued interest of \(amount) on \(quantity) from \(since) to \(through) (\(execution))"
        case .interestSpared(_, _, let amount): "interest of \(amount) no longer needed"
        case .reduced(_, _, _, _, let quantity): "reduced by \(quantity)"
        case .deleted(_, _, _, _, let quantity): "deleted with \(quantity) left"
        case .executionReported(let execution, _, _, let price, let quantity):
            "executed \(quantity) at \(price), as the venue reported (\(execution))"
        case .openingReduced(_, let kind, _, let price, let quantity):
            "\(kind.rawValue) of \(quantity) at \(price), taken from the opening book, since no report introduced the order"
        case .unknownOrderReported(_, let kind, _, let price, let quantity):
            "\(kind.rawValue) of \(quantity) at \(price) reported, of an order that no report introduced: no effect"
        case .hiddenExecutionReported(_, let price, let quantity): "a hidden order traded \(quantity) at \(price)"
        case .auctionReported(let price, let quantity): "an auction traded \(quantity) at \(price)"
        case .halted: "trading halted"
        case .quotingResumed: "quoting resumed"
        case .resumed: "trading resumed"
        }
    }

    static func words(for event: CashAccount.Event) -> String {
        switch event {
        case .deposited(let amount): "deposited \(amount)"
        case .withdrawn(let amount): "withdrew \(amount)"
        case .held(let amount, _): "held \(amount) in cash"
        case .released(let amount, _): "released \(amount) in cash"
        case .paid(let amount, let saved, _, let execution):
            "paid \(amount)" + (saved == .zero ? "" : " and got \(saved) back") + " (\(execution))"
        case .received(let amount, _, let execution): "received \(amount) (\(execution))"
        case .interestPaid(let amount, _, let execution): "paid \(amount) of interest (\(execution))"
        case .interestReceived(let amount, _, let execution): "received \(amount) of interest (\(execution))"
        case .couponPaid(let amount, let bond, let date): "paid the coupon of \(bond) of \(date), \(amount)"
        case .couponReceived(let amount, let bond, let date): "received the coupon of \(bond) of \(date), \(amount)"
        case .refunded(let amount, _, let execution): "got \(amount) back (\(execution))"
        case .transferredOut(let amount, _, let target): "transferred \(amount) to \(target)"
        case .transferredIn(let amount, let source, _): "received \(amount) from \(source)"
        }
    }

    static func words(for event: Holdings.Event) -> String {
        switch event {
        case .deposited(let instrument, let quantity): "deposited \(quantity) \(instrument)"
        case .withdrawn(let instrument, let quantity): "withdrew \(quantity) \(instrument)"
        case .held(let instrument, let quantity, _): "held \(quantity) \(instrument)"
        case .released(let instrument, let quantity, _): "released \(quantity) \(instrument)"
        case .delivered(let instrument, let quantity, _, let execution):
            "delivered \(quantity) \(instrument) (\(execution))"
        case .received(let instrument, let quantity, _, let execution):
            "received \(quantity) \(instrument) (\(execution))"
        case .returned(let instrument, let quantity, _, let execution):
            "got \(quantity) \(instrument) back (\(execution))"
        }
    }

    private static func words(for event: PositionEvent) -> String {
        switch event {
        case .reserved(_, _, let instrument, let quantity): "reserved \(quantity) \(instrument) under the owner's limit"
        case .released(_, _, let instrument, let quantity): "released \(quantity) \(instrument) under the owner's limit"
        }
    }

    private static func words(for record: ProcessRecord<ClearingCommand>) -> String {
        if case .sent(let command) = record { "\(command)" } else { "\(record)" }
    }

    private static func words(for event: ClearingEvent) -> String {
        switch event {
        case .begun(let trade):
            "\(trade.buyer) is to pay \(trade.amount), and \(trade.seller) to deliver \(trade.quantity) "
                + "\(trade.instrument) (\(trade.execution))"
        case .carriedOut(let step): "noted: \(step.rawValue)"
        case .refused(let step, let reason): "\(step.rawValue) refused: \(reason)"
        case .overdue(let reason): "the deadline passed: \(reason)"
        case .settled(let execution, _, _): "settled (\(execution))"
        case .reversed(let execution, _, _, let reason): "reversed (\(execution)): \(reason)"
        }
    }
}
