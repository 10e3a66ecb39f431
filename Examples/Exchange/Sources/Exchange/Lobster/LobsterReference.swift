/// Names one message of a LOBSTER file: the causation identifier of the event that it led to, by which an import knows
/// how far it has come.
///
/// Written as `lobster:AAPL:2012-06-21:17`, with the number of the line from 1; line 0 is the opening of the book.
public struct LobsterReference: Sendable, Hashable, CustomStringConvertible {
    public var instrument: Instrument
    public var session: Session
    public var line: Int

    public init(instrument: Instrument, session: Session, line: Int) {
        self.instrument = instrument
        self.session = session
        self.line = line
    }

    /// Nil for anything that is no such reference.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "lobster", let instrument = Instrument(String(parts[1])),
            let line = Int(parts[3]), line >= 0
        else { return nil }
        self.init(instrument: instrument, session: Session(rawValue: String(parts[2])), line: line)
    }

    public var description: String { "lobster:\(instrument):\(session):\(line)" }
}
