#if Server
import DaybookCore

/// Why a request of a client of KurrentDB did not succeed, before it is put into the words of a protocol.
enum KurrentFailure: Error, Sendable, Equatable {
    case accessDenied
    case streamDeleted(String)
    /// `current` is -1 when the stream has no events.
    case wrongExpectedVersion(stream: String, expected: KurrentExpectation, current: Int64)
    case appendTooLarge(limit: Int)
    case eventTooLarge(id: String, bytes: Int, limit: Int)
    /// The request breaks a rule; the text says which.
    case invalid(String)
    /// The outcome is not known.
    case doubtful(String)
    case unavailable(String)
    case cancelled

    init(_ error: AppendError, stream: String, expected: KurrentExpectation) {
        switch error {
        case .wrongExpectedVersion(_, _, let actual):
            self = .wrongExpectedVersion(stream: stream, expected: expected, current: actual?.rawValue ?? -1)
        case .streamTombstoned(let name): self = .streamDeleted(KurrentNames.client(name))
        case .invalid(.eventTooLarge(let id, let bytes)):
            self = .eventTooLarge(id: id.description, bytes: bytes, limit: Limits.eventBytes)
        case .invalid(.requestTooLarge): self = .appendTooLarge(limit: Limits.appendBytes)
        case .invalid, .unsupported, .commandReused, .conditionFailed: self = .invalid(error.description)
        case .refused: self = .invalid(error.description)
        case .storageFailed(_, let mayBeWritten):
            self = mayBeWritten ? .doubtful(error.description) : .unavailable(error.description)
        case .cancelled(let mayBeWritten): self = mayBeWritten ? .doubtful(error.description) : .cancelled
        case .closed: self = .unavailable("Server Is Not Ready")
        }
    }

    init(_ error: ReadError) {
        switch error {
        case .cancelled: self = .cancelled
        case .closed: self = .unavailable("Server Is Not Ready")
        case .invalidLimit, .queryTooLarge: self = .invalid(error.description)
        case .corrupted, .archiveUnreadable, .storageFailed: self = .unavailable(error.description)
        }
    }
}

/// What a client expects of a stream that it writes.
enum KurrentExpectation: Sendable, Hashable {
    case any
    case noStream
    case exists
    case revision(Int64)

    var version: ExpectedVersion {
        switch self {
        case .any: .any
        case .noStream: .noStream
        case .exists: .streamExists
        case .revision(let revision): .version(StreamVersion(revision))
        }
    }

    /// As it stands in texts and trailers.
    var number: Int64 {
        switch self {
        case .any: -2
        case .noStream: -1
        case .exists: -4
        case .revision(let revision): revision
        }
    }
}
#endif
