/// What becomes of the part of an order that does not trade at once.
public enum TimeInForce: String, Sendable, Hashable, Codable {
    /// It rests in the book until it trades or is deleted.
    case day
    /// It expires: immediate or cancel.
    case immediate
}
