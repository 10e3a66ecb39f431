/// Why an import stopped. What was recorded before stays, and the next run goes on behind it.
public enum LobsterImportError: Error, Equatable, CustomStringConvertible {
    case badLine(path: String, line: Int, reason: String)
    case emptySeedBook(path: String)
    case otherSource(instrument: Instrument)
    case laterSession(Session, asked: Session)

    public var description: String {
        switch self {
        case .badLine(let path, let line, let reason): "Line \(line) of '\(path)' is bad: \(reason)."
        case .emptySeedBook(let path):
            "'\(path)' is empty: its first row has to be the book after the first message."
        case .otherSource(let instrument):
            "The book of \(instrument) in this store was not imported: import into another store, or name another instrument."
        case .laterSession(let session, let asked):
            "The book is in session \(session) already, and session \(asked) is earlier: import sessions in their order."
        }
    }
}
