#if Server
import DaybookCore
import HTTPTypes

/// What the store says, in its words.
extension HTTPProblem {
    init(_ error: AppendError) {
        let (status, title) = Self.kind(of: error)
        var problem = HTTPProblem(status, error.code, title: title, detail: error.description)
        switch error {
        case .wrongExpectedVersion(let stream, let expected, let actual):
            problem = problem.with("stream", stream).with("expected", expected).with("actual", actual)
        case .streamTombstoned(let stream):
            problem = problem.with("stream", stream)
        case .conditionFailed(let after, let conflict):
            problem = problem.with("after", after).with("conflict", conflict)
        case .commandReused(let id):
            problem = problem.with("commandID", id)
        case .refused(let name, _):
            problem = problem.with("readModel", name)
        case .invalid(let rule):
            if let limit = rule.limit { problem = problem.with("limit", .number(Int64(limit))) }
        case .unsupported, .storageFailed, .cancelled, .closed:
            break
        }
        self = problem.with("mayBeWritten", .boolean(error.mayBeWritten))
    }

    private static func kind(of error: AppendError) -> (HTTPResponse.Status, title: String) {
        switch error {
        case .wrongExpectedVersion: (.conflict, "The stream is not at the expected version.")
        case .streamTombstoned: (.gone, "The stream was deleted for good.")
        case .conditionFailed: (.conflict, "An event fits the condition.")
        case .commandReused: (.conflict, "The command was recorded before with other events.")
        case .invalid(let rule):
            rule.isAboutSize
                ? (.contentTooLarge, "The request is too large.") : (.badRequest, "The request breaks a rule.")
        case .unsupported: (.contentTooLarge, "The store does not take a request so large.")
        case .refused: (.unprocessableContent, "A read model refused the append.")
        case .storageFailed: (.serviceUnavailable, "The storage failed.")
        case .cancelled: (.serviceUnavailable, "The append was cancelled.")
        case .closed: (.serviceUnavailable, "The store is closed.")
        }
    }

    init(_ error: ReadError) {
        switch error {
        case .corrupted(let position, let stream, _, _):
            var problem = HTTPProblem(
                .internalServerError, "corrupted", title: "An event is damaged.", detail: error.description)
            if let position { problem = problem.with("position", position) }
            if let stream { problem = problem.with("stream", stream) }
            self = problem
        case .archiveUnreadable(let position, _, _):
            self = HTTPProblem(
                .internalServerError, "archiveUnreadable", title: "An archive cannot be read.",
                detail: error.description
            ).with("position", position)
        case .storageFailed:
            self = HTTPProblem(
                .serviceUnavailable, "storageFailed", title: "The storage failed.", detail: error.description)
        case .invalidLimit:
            self = HTTPProblem(
                .badRequest, "invalidLimit", title: "The page is too large or too small.", detail: error.description)
        case .queryTooLarge:
            self = HTTPProblem(
                .badRequest, "queryTooLarge", title: "The query is too large.", detail: error.description)
        case .cancelled:
            self = .cancelled
        case .closed:
            self = HTTPProblem(
                .serviceUnavailable, "closed", title: "The store is closed.", detail: error.description)
        }
    }

    /// A stream that has no events for a reader: it never was, or is deleted, or deleted for good.
    static func noStream(_ stream: StreamName, _ status: StreamState.Status) -> HTTPProblem {
        if status == .tombstoned {
            return HTTPProblem(
                .gone, "streamTombstoned", title: "The stream was deleted for good.",
                detail: "Stream '\(stream)' was deleted for good."
            ).with("stream", stream)
        }
        return HTTPProblem(
            .notFound, "streamNotFound", title: "There is no such stream.",
            detail: "Stream '\(stream)' \(status == .deleted ? "is deleted" : "has never been written")."
        ).with("stream", stream).with("streamStatus", .text(status.rawValue))
    }

    static func noReceipt(_ command: CommandID) -> HTTPProblem {
        HTTPProblem(
            .notFound, "receiptNotFound", title: "No such command was recorded.",
            detail: "No command '\(command)' was recorded."
        ).with("commandID", command)
    }
}

extension InvalidAppend {
    /// Whether the request keeps the form, but asks for too much at once.
    fileprivate var isAboutSize: Bool {
        switch self {
        case .tooManyEvents, .tooManyStreams, .eventTooLarge, .metadataTooLarge, .requestTooLarge: true
        default: false
        }
    }

    /// The bound that is gone beyond.
    fileprivate var limit: Int? {
        switch self {
        case .tooManyEvents: Limits.eventsPerAppend
        case .tooManyStreams: Limits.streamsPerAppend
        case .eventTooLarge, .metadataTooLarge: Limits.eventBytes
        case .requestTooLarge: Limits.appendBytes
        case .tooManyTags: Limits.tagsPerEvent
        default: nil
        }
    }
}
#endif
