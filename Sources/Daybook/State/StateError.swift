import DaybookCore

/// Why a state could not be read.
public enum StateError: Error, Equatable, CustomStringConvertible {
    /// The subject's identifier makes no stream name.
    case invalidID(InvalidName)
    case read(ReadError)
    /// The stream has an event that this program cannot read.
    case undecodable(EventDecodingError)

    public var description: String {
        switch self {
        case .invalidID(let error): error.description
        case .read(let error): error.description
        case .undecodable(let error): error.description
        }
    }
}
