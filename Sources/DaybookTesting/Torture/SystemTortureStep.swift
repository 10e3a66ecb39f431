/// One thing that happens to a system under ``SystemTorture``.
///
/// Calls of the store are counted from 1, through all starts of the system. A *change* is a call that would write; a
/// crash at a read is the crash before the next change.
public enum SystemTortureStep: Sendable, Hashable, CustomStringConvertible {
    /// The system dies before a change has its effect.
    case crashBefore(change: Int)
    /// The system dies after a change has had its effect: the reply is lost.
    case crashAfter(change: Int)
    /// A call, a change or a read, waits for others to go ahead: so many times for whoever is ready.
    case delay(call: Int, turns: Int)
    /// The append of a change reaches the store again, after this or a later change: a request that the network sent
    /// twice. Nothing when the change was no append.
    case repeatAppend(change: Int, after: Int)

    public var description: String {
        switch self {
        case .crashBefore(let change): "crash before change \(change)"
        case .crashAfter(let change): "crash after change \(change), whose reply is lost"
        case .delay(let call, let turns): "delay call \(call) by \(turns) turn\(turns == 1 ? "" : "s")"
        case .repeatAppend(let change, let after):
            change == after
                ? "repeat the append of change \(change)"
                : "repeat the append of change \(change) after change \(after)"
        }
    }

    /// The step so many calls later; nil when that is before the first.
    func moved(by distance: Int) -> SystemTortureStep? {
        switch self {
        case .crashBefore(let change) where change + distance > 0: .crashBefore(change: change + distance)
        case .crashAfter(let change) where change + distance > 0: .crashAfter(change: change + distance)
        case .delay(let call, let turns) where call + distance > 0: .delay(call: call + distance, turns: turns)
        case .repeatAppend(let change, let after) where change + distance > 0:
            .repeatAppend(change: change + distance, after: after + distance)
        default: nil
        }
    }

    /// One to five steps.
    static func draw(_ seed: UInt64, reach: Int) -> [SystemTortureStep] {
        var random = SplitMix64(seed: seed)
        return (0..<Int.random(in: 1...5, using: &random)).map { _ in
            let number = number(upTo: reach, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3: return .crashBefore(change: number)
            case 3..<6: return .crashAfter(change: number)
            case 6..<8: return .delay(call: number, turns: Int.random(in: 1...20, using: &random))
            default: return .repeatAppend(change: number, after: number + Int.random(in: 0...3, using: &random))
            }
        }
    }

    /// As often up to 4 as from 5 to 8 or from 9 to 16: it falls into short runs as into long ones.
    private static func number(upTo reach: Int, using random: inout SplitMix64) -> Int {
        var bounds = [min(4, reach)]
        while let last = bounds.last, last < reach { bounds.append(min(last * 2, reach)) }
        let index = Int.random(in: bounds.indices, using: &random)
        return Int.random(in: (index == 0 ? 1 : bounds[index - 1] + 1)...bounds[index], using: &random)
    }
}
