import ArgumentParser
import DaybookTesting

/// The moment at which a process dies by `SIGKILL`: before the so-manieth write or sync of the store's files, or when the
/// store has answered so many appends, before the last answer reaches the client. Written `write:37`.
struct KillPoint: ExpressibleByArgument, CustomStringConvertible {
    enum Kind: String, CaseIterable {
        case write
        case sync
        case answer
    }

    var kind: Kind
    /// At least 1.
    var number: Int

    static func random(using random: inout SplitMix64) -> KillPoint {
        let kind = random.pick(Kind.allCases)
        // A commit takes some writes and one sync; the first few of each fall into the opening of the file.
        return KillPoint(kind: kind, number: .random(in: 1...(kind == .sync ? 50 : 150), using: &random))
    }

    init(kind: Kind, number: Int) {
        self.kind = kind
        self.number = number
    }

    init?(argument: String) {
        let parts = argument.split(separator: ":")
        guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])), let number = Int(parts[1]), number > 0
        else {
            return nil
        }
        self.init(kind: kind, number: number)
    }

    var description: String { "\(kind.rawValue):\(number)" }
}
