import DaybookCore

/// How far a consumer group has come.
public struct ConsumerGroupStatus: Sendable, Hashable {
    /// The lowest position that is neither settled nor held, minus one.
    public var checkpoint: Position
    /// Nothing up to here will be delivered again: an ``Inbox`` may forget it.
    public var settled: Position
    /// Members whose lease runs.
    public var members: [ConsumerMemberName]
    /// Events that are being handled.
    public var inFlight: Int
    /// Those of them that have been so for longer than ``ConsumerPolicy/handlerTimeout``: handlers that hang.
    public var overdue: Int
    /// Parked events, and those that wait behind them or are being replayed.
    public var held: Int
}
