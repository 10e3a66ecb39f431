/// What came of a command.
public enum DecisionOutcome<Event: Sendable>: Sendable {
    /// It was carried out; none when it had nothing to change.
    case events([Event])
    case rejected(String)
}

extension DecisionOutcome: Equatable where Event: Equatable {}
