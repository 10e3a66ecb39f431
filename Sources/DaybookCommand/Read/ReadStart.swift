import ArgumentParser
import DaybookCore

/// Where a read begins, as an argument says it: `start`, `end`, a version (`v7`), a position (`p120`), or a time.
enum ReadStart: Equatable, ExpressibleByArgument {
    case start
    case end
    case version(StreamVersion)
    case position(Position)
    case time(Timestamp)

    init?(argument: String) {
        switch argument {
        case "start": self = .start
        case "end": self = .end
        default:
            if argument.first == "v", let version = Int64(argument.dropFirst()), version >= 0 {
                self = .version(StreamVersion(version))
            } else if argument.first == "p", let position = Int64(argument.dropFirst()), position >= 0 {
                self = .position(Position(position))
            } else if let time = Timestamp(argument) {
                self = .time(time)
            } else {
                return nil
            }
        }
    }

    var streamCursor: StreamCursor {
        switch self {
        case .start: .start
        case .end: .end
        case .version(let version): .version(version)
        case .position(let position): .position(position)
        case .time(let time): .time(time)
        }
    }

    /// Nil for a version, which only a stream has.
    var logCursor: LogCursor? {
        switch self {
        case .start: .start
        case .end: .end
        case .version: nil
        case .position(let position): .position(position)
        case .time(let time): .time(time)
        }
    }
}
