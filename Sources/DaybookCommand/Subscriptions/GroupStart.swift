import ArgumentParser
import DaybookProtocol

/// Where a group begins, as an argument says it: `start`, `end`, or the version of a stream or position of the log.
struct GroupStart: ExpressibleByArgument, Equatable {
    let start: GroupChange.Start

    init?(argument: String) {
        switch argument {
        case "start": start = .start
        case "end": start = .end
        default:
            guard let number = Int64(argument), number >= 0 else { return nil }
            start = .at(number)
        }
    }

    /// The same word for what a server tells of a group: a revision, or `C:…/P:…` of the log, below 0 for its end.
    static func word(for text: String) -> String {
        let number = text.hasPrefix("C:") ? text.dropFirst(2).prefix { $0 != "/" } : text[...]
        return switch number {
        case "-1": "end"
        case "0": "start"
        default: String(number)
        }
    }
}
