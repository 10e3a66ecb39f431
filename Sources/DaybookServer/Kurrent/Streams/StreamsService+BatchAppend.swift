#if Server
import DaybookCore
import Foundation
import KurrentProtocol
import NIOCore
import SwiftProtobuf

extension StreamsService {
    private typealias BatchRequest = EventStore_Client_Streams_BatchAppendReq
    private typealias BatchResponse = EventStore_Client_Streams_BatchAppendResp

    /// What a message of an append that is not final takes beside its bytes.
    private static let messageOverhead = 512

    /// An append whose messages are still coming.
    private struct Gathering {
        let options: BatchRequest.Options
        var messages: [BatchRequest.ProposedMessage] = []
        var bytes = 0

        init(options: BatchRequest.Options) { self.options = options }

        /// Whether the client's time for the append was over before it came.
        var isLate: Bool {
            switch options.deadlineOption {
            case .deadline(let time): time.seconds < 0 || (time.seconds == 0 && time.nanos <= 0)
            case .deadline21100(let time):
                Double(time.seconds) + Double(time.nanos) / 1e9 <= Date().timeIntervalSince1970
            case nil: false
            }
        }
    }

    /// Many appends on one call, each answered as soon as it is done. What is begun is finished, also when the client sends no
    /// more, or is gone.
    func batchAppend(_ requests: RPCRequests, to responses: RPCResponses) async throws {
        let inHand = AppendsInHand()
        // Not a throwing group: that would cancel what is being written, and a repeat of it would be written again. And one that
        // forgets each append when it is done, since the call may go on for days.
        let failure = await withDiscardingTaskGroup { group -> (any Error)? in
            do { try await take(requests, to: responses, inHand, in: &group) } catch { return error }
            return nil
        }
        if let failure = failure ?? inHand.failure { throw failure }
    }

    private func take(
        _ requests: RPCRequests, to responses: RPCResponses, _ inHand: AppendsInHand,
        in group: inout DiscardingTaskGroup
    ) async throws {
        var gathering: [EventStore_Client_UUID: Gathering] = [:]
        var bytes = 0
        while let message = try await requests.next() {
            let request = try message.message(BatchRequest.self)
            guard
                var append = gathering.removeValue(forKey: request.correlationID)
                    ?? (request.hasOptions ? Gathering(options: request.options) : nil)
            else { continue }
            append.messages += request.proposedMessages
            let size = message.readableBytes + Self.messageOverhead
            try requests.hold.take(size)  // Until the append is done.
            append.bytes += size
            bytes += size
            guard request.isFinal else {
                guard bytes <= 2 * Limits.appendBytes else {
                    throw RPCStatus(
                        .resourceExhausted,
                        "The appends that are not final have more than \(2 * Limits.appendBytes) bytes.")
                }
                gathering[request.correlationID] = append
                continue
            }
            bytes -= append.bytes
            try await inHand.begin(append.bytes) { requests.hold.isAtEase }
            let id = request.correlationID
            let whole = append
            group.addTask {
                var failure: (any Error)?
                do { try await responses.send(try await answer(whole, id: id)) } catch { failure = error }
                requests.hold.giveBack(whole.bytes)
                inHand.end(whole.bytes, failure: failure)
            }
        }
    }

    private func answer(_ append: Gathering, id: EventStore_Client_UUID) async throws -> BatchResponse {
        var response = BatchResponse.with {
            $0.correlationID = id
            $0.streamIdentifier = append.options.streamIdentifier
        }
        do {
            if append.isLate { throw BatchFailure.timeout }
            try await CallAccess.require(.write, ofClient: append.options.streamIdentifier.text)
            let expected = try KurrentExpectation(append.options.expectedStreamPosition)
            let events = try append.messages.map {
                try NewEvent(id: $0.id, metadata: $0.metadata, customMetadata: $0.customMetadata, data: $0.data)
            }
            let result = try await log.append(events, to: append.options.streamIdentifier.text, expecting: expected)
            response.success = .with {
                if let revision = result.revision {
                    $0.currentRevision = UInt64(revision)
                } else {
                    $0.noStream = .init()
                }
                if let position = result.position {
                    $0.position.commitPosition = UInt64(position)
                    $0.position.preparePosition = UInt64(position)
                } else {
                    $0.noPosition = .init()
                }
            }
        } catch {
            response.error = try BatchFailure(error).status
        }
        return response
    }

    /// Why one append of many did not succeed, as the message that clients look for.
    private enum BatchFailure: Error {
        case log(KurrentFailure)
        case bad(String)
        case timeout

        init(_ error: any Error) {
            switch error {
            case let failure as BatchFailure: self = failure
            case let failure as KurrentFailure: self = .log(failure)
            case let status as RPCStatus: self = .bad(status.message)
            case AccessDenial.unavailable(let text): self = .log(.unavailable(text))
            case is AccessDenial: self = .log(.accessDenied)
            default: self = .log(.doubtful("\(error)"))
            }
        }

        var status: Google_Rpc_Status {
            get throws {
                switch self {
                case .timeout: try make(.deadlineExceeded, "Timeout", EventStore_Client_Timeout())
                case .bad(let text), .log(.invalid(let text)):
                    try make(.invalidArgument, "BadRequest", EventStore_Client_BadRequest.with { $0.message = text })
                case .log(.accessDenied): try make(.permissionDenied, "AccessDenied", EventStore_Client_AccessDenied())
                case .log(.streamDeleted(let stream)):
                    try make(
                        .notFound, "StreamDeleted",
                        EventStore_Client_StreamDeleted.with { $0.streamIdentifier = .init(stream) })
                case .log(.wrongExpectedVersion(_, let expected, let current)):
                    try make(
                        .alreadyExists, "WrongExpectedVersion", Self.conflict(expected: expected, current: current))
                case .log(.appendTooLarge(let limit)):
                    try make(
                        .invalidArgument, "MaximumAppendSizeExceeded",
                        EventStore_Client_MaximumAppendSizeExceeded.with { $0.maxAppendSize = UInt32(limit) })
                case .log(.eventTooLarge(let id, let bytes, let limit)):
                    try make(
                        .invalidArgument, "MaximumAppendEventSizeExceeded",
                        EventStore_Client_MaximumAppendEventSizeExceeded.with {
                            $0.eventID = id
                            $0.proposedEventSize = UInt32(clamping: bytes)
                            $0.maxAppendEventSize = UInt32(limit)
                        })
                case .log(.doubtful): try make(.deadlineExceeded, "Timeout", EventStore_Client_Timeout())
                case .log(.unavailable(let text)): try make(.unavailable, text, Google_Protobuf_Empty())
                case .log(.cancelled): try make(.unknown, "Unknown", EventStore_Client_Unknown())
                }
            }
        }

        private func make(_ code: Google_Rpc_Code, _ message: String, _ details: some SwiftProtobuf.Message) throws
            -> Google_Rpc_Status
        {
            try .with {
                $0.code = code
                $0.message = message
                $0.details = try Google_Protobuf_Any(message: details)
            }
        }

        private static func conflict(expected: KurrentExpectation, current: Int64)
            -> EventStore_Client_WrongExpectedVersion
        {
            .with {
                switch expected {
                case .any: $0.expectedAny = .init()
                case .exists: $0.expectedStreamExists = .init()
                case .noStream: $0.expectedNoStream = .init()
                case .revision(let revision): $0.expectedStreamPosition = UInt64(revision)
                }
                if current < 0 { $0.currentNoStream = .init() } else { $0.currentStreamRevision = UInt64(current) }
            }
        }
    }
}
#endif
