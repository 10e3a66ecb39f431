#if Server
import DaybookCore
import KurrentProtocol
import SwiftProtobuf

/// The errors of KurrentDB's second protocol: statuses whose trailer `grpc-status-details-bin` tells the reason and, last, the
/// values in a message of the reason's own.
extension RPCStatus {
    private enum Domain: String { case streams, server }

    private static func v2(
        _ code: Code, _ text: String, _ reason: String, _ domain: Domain = .streams,
        _ detail: (any SwiftProtobuf.Message)? = nil
    ) -> RPCStatus {
        let status = RPCStatus(code, text)
        let info = Google_Rpc_ErrorInfo.with {
            $0.reason = reason
            $0.domain = domain.rawValue
        }
        var details: [any SwiftProtobuf.Message] = [info]
        if let detail { details.append(detail) }
        // Nothing here is of a kind, or a size, that cannot be encoded; without details the status would still be one.
        guard let packed = try? details.map({ try Google_Protobuf_Any(message: $0) }),
            let bytes: [UInt8] = try? Google_Rpc_StatusWithDetails.with({
                $0.code = Int32(code.rawValue)
                $0.message = text
                $0.details = packed
            }).serializedBytes()
        else { return status }
        return status.adding("grpc-status-details-bin", bytes: bytes)
    }

    static func badRequest(_ text: String) -> RPCStatus { v2(.invalidArgument, text, "BAD_REQUEST", .server) }

    static let sessionWithoutRequests = v2(
        .failedPrecondition, "The append session has no requests: send one for each stream.",
        "APPEND_SESSION_NO_REQUESTS")

    static func streamAlreadyInSession(_ stream: String) -> RPCStatus {
        let stream = named(stream)
        return v2(
            .aborted, "Stream '\(stream)' is in the append session already: send its records in one request.",
            "STREAM_ALREADY_IN_APPEND_SESSION", .streams,
            Kurrentdb_Protocol_V2_Streams_Errors_StreamAlreadyInAppendSessionErrorDetails.with { $0.stream = stream })
    }

    static func recordTooLarge(stream: String, id: String, bytes: Int, limit: Int) -> RPCStatus {
        v2(
            .invalidArgument, "Record \(id) has \(bytes) bytes; the limit is \(limit).", "APPEND_RECORD_SIZE_EXCEEDED",
            .streams,
            Kurrentdb_Protocol_V2_Streams_Errors_AppendRecordSizeExceededErrorDetails.with {
                $0.stream = named(stream)
                $0.recordID = id
                $0.size = Int32(clamping: bytes)
                $0.maxSize = Int32(clamping: limit)
            })
    }

    static func transactionTooLarge(bytes: Int, limit: Int) -> RPCStatus {
        v2(
            .aborted, "The append has \(bytes) bytes or more; the limit is \(limit): split it.",
            "APPEND_TRANSACTION_SIZE_EXCEEDED", .streams,
            Kurrentdb_Protocol_V2_Streams_Errors_AppendTransactionSizeExceededErrorDetails.with {
                $0.size = Int32(clamping: bytes)
                $0.maxSize = Int32(clamping: limit)
            })
    }

    private static func tombstoned(_ stream: String) -> RPCStatus {
        v2(
            .failedPrecondition, "Stream '\(stream)' is deleted: use another stream, or expect none.",
            "STREAM_TOMBSTONED",
            .streams, Kurrentdb_Protocol_V2_Streams_Errors_StreamTombstonedErrorDetails.with { $0.stream = stream })
    }

    private static func revisionConflict(_ stream: String, expected: Int64, actual: Int64) -> RPCStatus {
        v2(
            .failedPrecondition,
            "The append expects stream '\(stream)' at revision \(expected), and it is at \(actual) (-1 for none): read and "
                + "decide again.",
            "STREAM_REVISION_CONFLICT", .streams,
            Kurrentdb_Protocol_V2_Streams_Errors_StreamRevisionConflictErrorDetails.with {
                $0.stream = stream
                $0.expectedRevision = expected
                $0.actualRevision = actual
            })
    }

    /// Why a session was refused: its first stream that is not as expected.
    init(session violations: [KurrentLog.Violation]) {
        guard let first = violations.first else {
            preconditionFailure("A session was refused, and no stream is at fault.")
        }
        switch (first.state, first.condition) {
        case (.tombstoned, _), (.deleted, .expectation(.exists)): self = .tombstoned(first.name)
        default:
            self = .revisionConflict(
                first.name, expected: first.condition.number, actual: first.state.lastRevision)
        }
    }

    /// What the violations that a client is told of may have in bytes: a header block holds 8 KiB, and all this in Base64.
    private static let violationBytes = 3 << 10

    /// Why records were refused: the checks that do not hold, by their index. When they are so many that clients would not
    /// take them, the first of them.
    init(records violations: [(index: Int, violation: KurrentLog.Violation)]) {
        var details = Kurrentdb_Protocol_V2_Streams_Errors_AppendConsistencyViolationErrorDetails()
        var bytes = 0
        for (index, violation) in violations {
            bytes += violation.name.utf8.count + 48
            guard details.violations.isEmpty || bytes <= Self.violationBytes else { break }
            details.violations.append(
                .with {
                    $0.checkIndex = Int32(clamping: index)
                    $0.streamState.stream = violation.name
                    $0.streamState.expectedState = violation.condition.number
                    $0.streamState.actualState = violation.state.number
                })
        }
        self = .v2(
            .failedPrecondition,
            violations.count == 1
                ? "A consistency check does not hold: read and decide again."
                : "\(violations.count) consistency checks do not hold: read and decide again.",
            "APPEND_CONSISTENCY_VIOLATION", .streams, details)
    }

    /// - Parameter missing: Nil where it is nobody's.
    static func accessDeniedV2(_ missing: MissingRight?) -> RPCStatus {
        .v2(
            .permissionDenied, "Access Denied", "ACCESS_DENIED", .server,
            Kurrent_Rpc_AccessDeniedErrorDetails.with {
                $0.operation = "append"
                if let login = missing?.login { $0.username = login }
                if let missing { $0.permission = missing.deed }
            })
    }

    /// Of what the second protocol has no word for, the first protocol's status.
    init(v2 failure: KurrentFailure) {
        switch failure {
        case .accessDenied: self = .accessDeniedV2(nil)
        case .streamDeleted(let stream): self = .tombstoned(stream)
        case .wrongExpectedVersion(let stream, let expected, let current):
            self = .revisionConflict(stream, expected: expected.number, actual: current)
        case .invalid(let text): self = .badRequest(text)
        case .eventTooLarge(let id, let bytes, let limit):
            self = .recordTooLarge(stream: "", id: id, bytes: bytes, limit: limit)
        case .appendTooLarge(let limit): self = .transactionTooLarge(bytes: limit + 1, limit: limit)
        case .doubtful, .unavailable, .cancelled: self = RPCStatus(failure)
        }
    }

    /// A name that nobody has looked at yet, and that may be too long for a trailer.
    private static func named(_ stream: String) -> String {
        stream.utf8.count <= Limits.nameBytes ? stream : String(stream.prefix(80)) + "…"
    }
}
#endif
