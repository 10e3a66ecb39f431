#if Server
import DaybookCore
import Foundation
import KurrentProtocol
import NIOCore
import SwiftProtobuf

extension StreamsService {
    /// One append: its options, then its events, one a message.
    func append(_ requests: RPCRequests) async throws -> ByteBuffer {
        guard let first = try await requests.next(),
            case .options(let options) = try first.message(EventStore_Client_Streams_AppendReq.self).content
        else { throw RPCStatus.unforeseen }
        let expected = try KurrentExpectation(options.expectedStreamRevision)
        let stream = options.streamIdentifier.text
        try await CallAccess.require(.write, ofClient: stream)
        var events: [NewEvent] = []
        var bytes = 0
        while let message = try await requests.next() {
            guard
                case .proposedMessage(let proposed) = try message.message(EventStore_Client_Streams_AppendReq.self)
                    .content
            else { throw RPCStatus.unforeseen }
            // As long as the call: the events are kept until the last has come.
            try requests.hold.take(message.readableBytes)
            bytes += proposed.data.count + proposed.customMetadata.count
            guard bytes <= Limits.appendBytes else { throw RPCStatus.appendTooLarge(limit: Limits.appendBytes) }
            guard events.count < Limits.eventsPerAppend else {
                throw RPCStatus(KurrentFailure.invalid(InvalidAppend.tooManyEvents(events.count + 1).description))
            }
            events.append(
                try NewEvent(
                    id: proposed.id, metadata: proposed.metadata, customMetadata: proposed.customMetadata,
                    data: proposed.data))
        }
        // Again: the events may have been long in coming.
        try await CallAccess.require(.write, ofClient: stream)
        let response: EventStore_Client_Streams_AppendResp
        do {
            response = .success(try await log.append(events, to: stream, expecting: expected))
        } catch .wrongExpectedVersion(_, let expected, let current) {
            response = .conflict(expected: expected, current: current)
        } catch {
            throw RPCStatus(error)
        }
        return try ByteBuffer(response)
    }

    func delete(_ request: EventStore_Client_Streams_DeleteReq) async throws -> EventStore_Client_Streams_DeleteResp {
        let expected = try KurrentExpectation(request.options.expectedStreamRevision)
        try await CallAccess.require(.delete, ofClient: request.options.streamIdentifier.text)
        let position = try await Self.status {
            try await log.delete(request.options.streamIdentifier.text, expecting: expected)
        }
        return .with {
            $0.position.commitPosition = UInt64(position)
            $0.position.preparePosition = UInt64(position)
        }
    }

    func tombstone(
        _ request: EventStore_Client_Streams_TombstoneReq
    ) async throws -> EventStore_Client_Streams_TombstoneResp {
        let expected = try KurrentExpectation(request.options.expectedStreamRevision)
        try await CallAccess.require(.delete, ofClient: request.options.streamIdentifier.text)
        let position = try await Self.status {
            try await log.tombstone(request.options.streamIdentifier.text, expecting: expected)
        }
        return .with {
            $0.position.commitPosition = UInt64(position)
            $0.position.preparePosition = UInt64(position)
        }
    }
}

extension NewEvent {
    /// An event as a client proposes it.
    init(
        id: EventStore_Client_UUID, metadata: [String: String], customMetadata: Data, data: Data
    ) throws(RPCStatus) {
        guard let eventID = id.eventID else { throw .required("Id", "UUID") }
        guard let type = metadata["type"] else { throw .missingMetadata("type") }
        guard let contentType = metadata["content-type"] else { throw .missingMetadata("content-type") }
        let eventType: EventType
        do { eventType = try EventType(type) } catch { throw RPCStatus(.invalidArgument, error.description) }
        self.init(
            id: eventID, type: eventType, contentType: (try? ContentType(contentType)) ?? .bytes, data: Array(data),
            metadata: Array(customMetadata))
    }
}

extension EventStore_Client_Streams_AppendResp {
    static func success(_ result: KurrentLog.Appended) -> Self {
        .with {
            if let revision = result.revision {
                $0.success.currentRevision = UInt64(revision)
            } else {
                $0.success.noStream = .init()
            }
            if let position = result.position {
                $0.success.position.commitPosition = UInt64(position)
                $0.success.position.preparePosition = UInt64(position)
            } else {
                $0.success.noPosition = .init()
            }
        }
    }

    /// Both generations of fields are filled: clients look at one or the other.
    static func conflict(expected: KurrentExpectation, current: Int64) -> Self {
        .with {
            switch expected {
            case .any:
                $0.wrongExpectedVersion.expectedAny = .init()
                $0.wrongExpectedVersion.any2060 = .init()
            case .exists:
                $0.wrongExpectedVersion.expectedStreamExists = .init()
                $0.wrongExpectedVersion.streamExists2060 = .init()
            case .noStream:
                $0.wrongExpectedVersion.expectedNoStream = .init()
                $0.wrongExpectedVersion.expectedRevision2060 = .max
            case .revision(let revision):
                $0.wrongExpectedVersion.expectedRevision = UInt64(revision)
                $0.wrongExpectedVersion.expectedRevision2060 = UInt64(revision)
            }
            if current < 0 {
                $0.wrongExpectedVersion.currentNoStream = .init()
                $0.wrongExpectedVersion.noStream2060 = .init()
            } else {
                $0.wrongExpectedVersion.currentRevision = UInt64(current)
                $0.wrongExpectedVersion.currentRevision2060 = UInt64(current)
            }
        }
    }
}

extension KurrentExpectation {
    private static func revision(of value: UInt64) throws(RPCStatus) -> KurrentExpectation {
        if value == .max { return .noStream }
        guard let revision = Int64(exactly: value) else {
            throw RPCStatus(.invalidArgument, "'\(value)' is not a valid revision")
        }
        return .revision(revision)
    }

    private static let missing = RPCStatus.required("ExpectedStreamRevision", "ExpectedStreamRevisionOneofCase")

    init(_ option: EventStore_Client_Streams_AppendReq.Options.OneOf_ExpectedStreamRevision?) throws(RPCStatus) {
        switch option {
        case .revision(let value): self = try Self.revision(of: value)
        case .noStream: self = .noStream
        case .any: self = .any
        case .streamExists: self = .exists
        case nil: throw Self.missing
        }
    }

    init(_ option: EventStore_Client_Streams_DeleteReq.Options.OneOf_ExpectedStreamRevision?) throws(RPCStatus) {
        switch option {
        case .revision(let value): self = try Self.revision(of: value)
        case .noStream: self = .noStream
        case .any: self = .any
        case .streamExists: self = .exists
        case nil: throw Self.missing
        }
    }

    init(_ option: EventStore_Client_Streams_TombstoneReq.Options.OneOf_ExpectedStreamRevision?) throws(RPCStatus) {
        switch option {
        case .revision(let value): self = try Self.revision(of: value)
        case .noStream: self = .noStream
        case .any: self = .any
        case .streamExists: self = .exists
        case nil: throw Self.missing
        }
    }

    init(
        _ option: EventStore_Client_Streams_BatchAppendReq.Options.OneOf_ExpectedStreamPosition?
    ) throws(RPCStatus) {
        switch option {
        case .streamPosition(let value): self = try Self.revision(of: value)
        case .noStream: self = .noStream
        case .any: self = .any
        case .streamExists: self = .exists
        case nil: throw Self.missing
        }
    }
}
#endif
