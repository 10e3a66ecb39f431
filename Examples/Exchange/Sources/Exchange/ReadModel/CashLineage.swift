import Daybook
import DaybookCore

/// Which events made an account's cash what it is.
public struct CashLineage: Sendable {
    /// One event, and what it made of the cash.
    public struct Step: Sendable, Codable {
        /// The event's place: `cash-T017@42`.
        public var event: String
        public var position: Position
        /// What happened, in words.
        public var what: String
        /// When it happened on the market.
        public var time: Timestamp
        public var recordedAt: Timestamp
        /// Why, in the words of who asked for it.
        public var reason: String?
        public var before: CashBalances.Balance
        public var after: CashBalances.Balance
    }

    public let account: AccountID
    /// Oldest first.
    public let steps: [Step]

    /// - Complexity: O(events of the account) where the store has an index of tags.
    public init(of account: AccountID, in store: any EventStore, asOf moment: LogMoment = .latest) async throws {
        self.account = account
        let history = ProjectionHistory(CashBalances(), of: store)
        steps = try await history.lineage(of: account.rawValue, asOf: moment).map { change in
            let metadata = try EventMetadata(decoding: change.event.metadata)
            return Step(
                event: EventReference(stream: change.event.stream, version: change.event.version).description,
                position: change.event.position, what: try OrderStory.words(for: change.event),
                time: metadata.occurredAt ?? change.event.recordedAt, recordedAt: change.event.recordedAt,
                reason: metadata.reason, before: change.before ?? CashBalances.Balance(),
                after: change.after ?? CashBalances.Balance())
        }
    }
}
