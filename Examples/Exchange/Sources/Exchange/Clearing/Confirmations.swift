import Daybook
import DaybookCore
import Foundation

/// Makes a ``Confirmation`` for each side of each execution, once.
///
/// A consumer group delivers each execution at least once; an inbox saves the confirmations together with the note that
/// the execution has been taken, so that they are numbered without gaps however often it is delivered.
public struct Confirmations: Sendable {
    public static let model: ReadModelName = "confirmations"

    /// Delivers the executions, those of each book in order.
    public let group: ConsumerGroup<OrderBook.Event>
    private let inbox: Inbox
    private let member: ConsumerMemberName
    private let models: any ReadModelStore

    static let types: Set<EventType> = ["book.executed"]

    /// - Parameter member: Under which name executions are taken; see ``ConsumerMemberName``.
    public init(
        of log: any EventStore, in models: any ReadModelStore, policy: ConsumerPolicy = ConsumerPolicy(),
        member: ConsumerMemberName = .unique()
    ) {
        self.member = member
        group = ConsumerGroup(
            "confirmations", of: log, OrderBook.Event.self, in: models, filter: EventFilter(types: Self.types),
            policy: policy)
        inbox = Inbox("confirmations", model: Self.model, in: models)
        self.models = models
    }

    /// Runs until the task is cancelled, then returns.
    public func run() async throws {
        while !Task.isCancelled {
            do {
                try await group.run(as: member) { delivery in
                    try await inbox.once(delivery) { documents in
                        for event in delivery.events { try await Self.confirm(event, delivery.recorded, &documents) }
                    }
                }
            } catch .refused(.leaseLost) {
                // The machine was asleep: what was in hand is delivered again, and taken once.
            }
        }
    }

    /// The confirmations of an account in the order of their numbers; those of all accounts when nil.
    public func confirmations(of account: AccountID? = nil) async throws -> [Confirmation] {
        let prefix = account.map { "confirmation/\($0)/" } ?? "confirmation/"
        var after = prefix
        var confirmations: [Confirmation] = []
        while true {
            let page = try await models.documents(of: Self.model, after: after, limit: 1_000)
            for (key, data) in page {
                guard key.hasPrefix(prefix) else { return confirmations }
                confirmations.append(try JSONDecoder().decode(Confirmation.self, from: Data(data)))
                after = key
            }
            guard page.count == 1_000 else { return confirmations }
        }
    }

    static func confirm(
        _ event: OrderBook.Event, _ recorded: RecordedEvent, _ documents: inout InboxDocuments
    ) async throws {
        guard
            case .executed(
                let execution, let resting, let account, let side, let price, let quantity, let incoming, let other, _) =
                event
        else { return }
        let time = try recorded.marketTime()
        let sides: [(order: OrderID?, account: AccountID?, side: Side)] = [
            (resting, account, side), (incoming, other, side.opposite),
        ]
        for case (let order?, let account?, let side) in sides {
            let counter = "count/\(account)"
            let count = try await documents.document(counter).flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
            let confirmation = Confirmation(
                number: count + 1, account: account, order: order, execution: execution, side: side,
                quantity: quantity, price: price, time: time)
            let digits = String(confirmation.number)
            let number = String(repeating: "0", count: max(0, 10 - digits.utf8.count)) + digits
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            try documents.set(Array(digits.utf8), for: counter)
            try documents.set(Array(encoder.encode(confirmation)), for: "confirmation/\(account)/\(number)")
        }
    }
}
