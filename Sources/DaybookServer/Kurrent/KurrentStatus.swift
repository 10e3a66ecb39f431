#if Server
/// The errors of KurrentDB's first protocol: statuses whose trailer `exception` names the kind. Clients read the texts as well.
extension RPCStatus {
    static let accessDenied = RPCStatus(.permissionDenied, "Access Denied").adding("exception", "access-denied")

    static func streamDeleted(_ stream: String) -> RPCStatus {
        RPCStatus(.failedPrecondition, "Event stream '\(stream)' is deleted.")
            .adding("exception", "stream-deleted").adding("stream-name", stream)
    }

    /// - Parameters:
    ///   - expected: A revision, or -1 for none, -2 for any, -4 for one that exists.
    ///   - actual: -1 when there is no event.
    static func wrongExpectedVersion(stream: String, expected: Int64, actual: Int64) -> RPCStatus {
        RPCStatus(
            .failedPrecondition,
            "Delete failed due to WrongExpectedVersion. Stream: \(stream), Expected version: \(expected), Actual version: \(actual)"
        )
        .adding("exception", "wrong-expected-version").adding("stream-name", stream)
        .adding("expected-version", expected).adding("actual-version", actual)
    }

    static func appendTooLarge(limit: Int) -> RPCStatus {
        RPCStatus(.invalidArgument, "Maximum Append Size of \(limit) Exceeded.")
            .adding("exception", "maximum-append-size-exceeded").adding("maximum-append-size", limit)
    }

    static func eventTooLarge(id: String, bytes: Int, limit: Int) -> RPCStatus {
        RPCStatus(
            .invalidArgument, "Event with Id: \(id), Size: \(bytes), exceeds Maximum Append Event Size of \(limit)."
        )
        .adding("exception", "maximum-append-event-size-exceeded").adding("event-id", id)
        .adding("proposed-append-event-size", bytes).adding("maximum-append-event-size", limit)
    }

    static func missingMetadata(_ property: String) -> RPCStatus {
        RPCStatus(.invalidArgument, "Required Metadata Property '\(property)' is missing")
            .adding("exception", "missing-required-metadata-property")
            .adding("required-metadata-properties", "type,content-type")
    }

    static func groupExists(_ name: PersistentGroupName) -> RPCStatus {
        RPCStatus(.alreadyExists, "Subscription group \(name.group) on stream \(name.stream) exists.")
            .adding("exception", "persistent-subscription-exists").adding(name)
    }

    static func groupMissing(_ name: PersistentGroupName) -> RPCStatus {
        RPCStatus(.notFound, "Subscription group \(name.group) on stream \(name.stream) does not exist.")
            .adding("exception", "persistent-subscription-does-not-exist").adding(name)
    }

    static func groupFailed(_ name: PersistentGroupName, _ reason: String) -> RPCStatus {
        RPCStatus(
            .internalError, "Subscription group \(name.group) on stream \(name.stream) failed: '\(reason)'"
        )
        .adding("exception", "persistent-subscription-failed").adding(name).adding("reason", reason)
    }

    static func groupFull(_ name: PersistentGroupName) -> RPCStatus {
        RPCStatus(
            .failedPrecondition,
            "Maximum subscriptions reached for subscription group \(name.group) on stream \(name.stream)."
        )
        .adding("exception", "maximum-subscribers-reached").adding(name)
    }

    static func groupDropped(_ name: PersistentGroupName) -> RPCStatus {
        RPCStatus(.cancelled, "Subscription group \(name.group) on stream \(name.stream) was dropped.")
            .adding("exception", "persistent-subscription-dropped").adding(name)
    }

    private func adding(_ name: PersistentGroupName) -> RPCStatus {
        adding("stream-name", name.stream).adding("group-name", name.group)
    }

    static func required(_ name: String, _ type: String) -> RPCStatus {
        RPCStatus(.invalidArgument, "'\(name)' is a required argument of type \(type)")
    }

    init(_ failure: KurrentFailure) {
        switch failure {
        case .accessDenied: self = .accessDenied
        case .streamDeleted(let stream): self = .streamDeleted(stream)
        case .wrongExpectedVersion(let stream, let expected, let current):
            self = .wrongExpectedVersion(stream: stream, expected: expected.number, actual: current)
        case .appendTooLarge(let limit): self = .appendTooLarge(limit: limit)
        case .eventTooLarge(let id, let bytes, let limit): self = .eventTooLarge(id: id, bytes: bytes, limit: limit)
        case .invalid(let text): self = RPCStatus(.invalidArgument, text)
        case .doubtful(let text): self = RPCStatus(.aborted, "Operation timed out: \(text)")
        case .unavailable(let text): self = RPCStatus(.unavailable, text)
        case .cancelled: self = RPCStatus(.cancelled, "The call was cancelled.")
        }
    }
}
#endif
