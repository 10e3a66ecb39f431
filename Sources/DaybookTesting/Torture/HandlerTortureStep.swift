/// One thing that happens to a handler under ``HandlerTorture``. Events are counted from 1, in the order in which they
/// were recorded.
public enum HandlerTortureStep: Sendable, Hashable, CustomStringConvertible {
    /// The process dies before it has handled an event: a new handler is started, which is given the event.
    case crashBefore(event: Int)
    /// The process dies when it has handled an event, and nobody knows: a new handler is started, and given the event
    /// again.
    case crashAfter(event: Int)
    /// An event is delivered once more, when a later one has been handled.
    case duplicate(event: Int, after: Int)
    /// The handling of an event waits so many times for whoever is ready, beside that of other keys.
    case delay(event: Int, turns: Int)
    /// An event is delivered behind a later one.
    case postpone(event: Int, behind: Int)

    public var description: String {
        switch self {
        case .crashBefore(let event): "crash before event \(event) is handled"
        case .crashAfter(let event): "crash after event \(event) is handled, and deliver it again"
        case .duplicate(let event, let after):
            event == after ? "deliver event \(event) twice" : "deliver event \(event) again after event \(after)"
        case .delay(let event, let turns):
            "delay event \(event) by \(turns) turn\(turns == 1 ? "" : "s"), beside those of other keys"
        case .postpone(let event, let behind): "deliver event \(event) behind event \(behind)"
        }
    }

    /// The event that it is about.
    var event: Int {
        switch self {
        case .crashBefore(let event), .crashAfter(let event), .duplicate(let event, _), .delay(let event, _),
            .postpone(let event, _):
            event
        }
    }

    /// One to five steps; none when there are no events.
    static func draw(_ seed: UInt64, events: Int) -> [HandlerTortureStep] {
        guard events > 0 else { return [] }
        var random = SplitMix64(seed: seed)
        return (0..<Int.random(in: 1...5, using: &random)).map { _ in
            let event = Int.random(in: 1...events, using: &random)
            let later = Int.random(in: event...events, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: return .crashBefore(event: event)
            case 1: return .crashAfter(event: event)
            case 2: return .duplicate(event: event, after: later)
            case 3: return .delay(event: event, turns: Int.random(in: 1...20, using: &random))
            default: return .postpone(event: event, behind: later)
            }
        }
    }
}
