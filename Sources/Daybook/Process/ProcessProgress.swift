import DaybookCore

/// How far a ``ProcessRunner`` has come: recorded with what it records because of inputs, in a stream of its own, of which
/// only the last event is kept.
public enum ProcessProgress: DomainEvent {
    public static var typePrefix: String { "processProgress" }

    /// All inputs up to a position have had their effect.
    case advanced(through: Int64)
}
