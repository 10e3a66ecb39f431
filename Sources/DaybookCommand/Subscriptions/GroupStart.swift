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
}
