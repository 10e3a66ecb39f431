import Daybook
import DaybookCore

/// A cash account under a margin rule: an order may hold only so much of the cash that is available.
///
/// Nobody trades by this rule. Recorded commands are decided again under it (``DecisionReplay``), to learn what it would
/// change before it is made the exchange's own. Its events and its state are those of ``CashAccount``, and so is all of its
/// behaviour but for that rule.
public enum MarginAccount: Decider {
    /// A command of a cash account, and the margin that it is decided under: a decider takes all it needs from the command.
    public struct Command: Sendable, Hashable, Codable {
        public var command: CashAccount.Command
        public var margin: Margin

        public init(_ command: CashAccount.Command, under margin: Margin) {
            self.command = command
            self.margin = margin
        }
    }

    public enum Rejection: Error, Hashable, CustomStringConvertible {
        case account(CashAccount.Rejection)
        case beyondMargin(requested: Money, allowed: Money, available: Money, margin: Margin)

        public var description: String {
            switch self {
            case .account(let rejection): rejection.description
            case .beyondMargin(let requested, let allowed, let available, let margin):
                "\(requested) dollars are asked for, and an order may hold \(allowed): \(margin) of the \(available) that "
                    + "are available."
            }
        }
    }

    public static let initialState = CashAccount.initialState

    public static func tags(ofSubject id: String) -> [Tag] { CashAccount.tags(ofSubject: id) }

    public static func decide(
        _ command: Command, in account: CashAccount.State
    ) throws(Rejection) -> [CashAccount.Event] {
        if case .hold(let amount, let order) = command.command, account.holds[order] == nil,
            Money.allowed.contains(amount), amount <= account.available
        {
            let allowed = command.margin.share(of: account.available)
            guard amount <= allowed else {
                throw .beyondMargin(
                    requested: amount, allowed: allowed, available: account.available, margin: command.margin)
            }
        }
        do throws(CashAccount.Rejection) {
            return try CashAccount.decide(command.command, in: account)
        } catch {
            throw .account(error)
        }
    }

    public static func evolve(_ account: inout CashAccount.State, with event: CashAccount.Event) {
        CashAccount.evolve(&account, with: event)
    }
}

extension MarginAccount {
    /// Reads the recorded commands of cash accounts as commands under a margin.
    public struct RecordReader: EventReader {
        private let base = JSONEventCodec<CommandRecord<CashAccount.Command>>()
        private let margin: Margin

        public init(under margin: Margin) { self.margin = margin }

        public func decode(
            _ event: RecordedEvent
        ) throws(EventDecodingError) -> [CommandRecord<Command>] {
            try base.decode(event).map { record in
                switch record {
                case .carriedOut(let command, let after, let events):
                    .carriedOut(command: Command(command, under: margin), after: after, events: events)
                case .rejected(let command, let after, let reason):
                    .rejected(command: Command(command, under: margin), after: after, reason: reason)
                }
            }
        }
    }

    /// Decides the recorded commands of all cash accounts again, under a margin.
    public static func replay(under margin: Margin, in log: any EventStore) -> DecisionReplay<MarginAccount> {
        DecisionReplay(MarginAccount.self, of: CashAccount.category, in: log, commands: RecordReader(under: margin))
    }
}
