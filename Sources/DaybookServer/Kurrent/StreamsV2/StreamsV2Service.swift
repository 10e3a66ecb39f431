#if Server
import DaybookCore
import KurrentProtocol
import NIOCore

/// `kurrentdb.protocol.v2.streams.StreamsService`: appends to several streams at once, all or nothing.
struct StreamsV2Service: Sendable {
    let log: KurrentLog

    static let name = "kurrentdb.protocol.v2.streams.StreamsService"

    private typealias SessionRequest = Kurrentdb_Protocol_V2_Streams_AppendRequest
    private typealias SessionResponse = Kurrentdb_Protocol_V2_Streams_AppendSessionResponse
    private typealias SessionOutput = Kurrentdb_Protocol_V2_Streams_AppendResponse
    private typealias RecordsRequest = Kurrentdb_Protocol_V2_Streams_AppendRecordsRequest
    private typealias RecordsResponse = Kurrentdb_Protocol_V2_Streams_AppendRecordsResponse
    private typealias WrittenStream = Kurrentdb_Protocol_V2_Streams_StreamRevision

    var routes: RPCRoutes {
        [
            "/\(Self.name)/AppendSession": .finishing(
                .clientStreaming { requests, _ in try ByteBuffer(await appendSession(requests)) }),
            "/\(Self.name)/AppendRecords": .finishing(
                .unary { (request: RecordsRequest, _) in try await appendRecords(request) }),
        ]
    }

    /// One message for each stream.
    private func appendSession(_ requests: RPCRequests) async throws -> SessionResponse {
        var writes: [KurrentLog.Write] = []
        var names: Set<String> = []
        var size = AppendSize()
        while let message = try await requests.next() {
            let request = try message.message(SessionRequest.self)
            try requests.hold.take(message.readableBytes)  // As long as the call: the session is one append.
            try await Self.status { try await CallAccess.require(.write, ofClient: request.stream) }
            guard (1...Limits.nameBytes).contains(request.stream.utf8.count) else {
                throw RPCStatus.badRequest("A stream's name has 1 to \(Limits.nameBytes) bytes.")
            }
            guard names.insert(request.stream.lowercased()).inserted else {
                throw RPCStatus.streamAlreadyInSession(request.stream)
            }
            guard writes.count < Limits.streamsPerAppend else {
                throw RPCStatus.badRequest("An append has at most \(Limits.streamsPerAppend) streams: split it.")
            }
            guard !request.records.isEmpty else {
                throw RPCStatus.badRequest("The request for stream '\(request.stream.prefix(80))' has no records.")
            }
            let expected = try Self.expectation(request)
            var events: [NewEvent] = []
            events.reserveCapacity(request.records.count)
            for record in request.records {
                let event = try NewEvent(record)
                try size.add(event, to: request.stream)
                events.append(event)
            }
            writes.append(KurrentLog.Write(name: request.stream, condition: .expectation(expected), events: events))
        }
        guard !writes.isEmpty else { throw RPCStatus.sessionWithoutRequests }
        // Again: the requests may have been long in coming.
        for write in writes {
            try await Self.status { try await CallAccess.require(.write, ofClient: write.name) }
        }
        switch try await Self.status({ [writes] in try await log.append(writes) }) {
        case .refused(let violations): throw RPCStatus(session: violations)
        case .appended(let revisions, let position):
            var response = SessionResponse()
            response.output = zip(writes, revisions).map { write, revision in
                SessionOutput.with {
                    $0.stream = write.name
                    $0.streamRevision = revision
                }
            }
            response.position = position
            return response
        }
    }

    /// Records that name their streams, and what must hold of these and of others.
    private func appendRecords(_ request: RecordsRequest) async throws -> RecordsResponse {
        guard !request.records.isEmpty else { throw RPCStatus.badRequest("The append has no records: add one.") }
        var writes: [KurrentLog.Write] = []
        var written: [StreamName: Int] = [:]
        var size = AppendSize()
        for record in request.records {
            let event = try NewEvent(record)
            try size.add(event, to: record.stream)
            try await Self.status { try await CallAccess.require(.write, ofClient: record.stream) }
            let stream = StreamName(unchecked: record.stream)
            if let index = written[stream] {
                writes[index].events.append(event)
            } else {
                written[stream] = writes.count
                writes.append(KurrentLog.Write(name: record.stream, events: [event]))
            }
        }
        var checks: [KurrentLog.Check] = []
        var checked: Set<StreamName> = []
        var indexes = CheckIndexes()
        for (index, check) in request.checks.enumerated() {
            guard case .streamState(let asked)? = check.type else {
                throw RPCStatus.badRequest("Check \(index) is of no kind that the server knows: use stream_state.")
            }
            guard let condition = KurrentCondition(number: asked.expectedState) else {
                throw RPCStatus.badRequest(
                    "Check \(index) expects \(asked.expectedState): use a revision, -1 no stream, -4 exists, -5 deleted or "
                        + "-6 tombstoned.")
            }
            let stream = StreamName(unchecked: asked.stream)
            try await Self.status { try await CallAccess.require(.read, ofClient: asked.stream) }
            guard checked.insert(stream).inserted else {
                throw RPCStatus.badRequest("Stream '\(asked.stream.prefix(80))' is checked twice: check it once.")
            }
            if let write = written[stream] {
                writes[write].condition = condition
                indexes.writes[write] = index
            } else {
                checks.append(KurrentLog.Check(name: asked.stream, condition: condition))
                indexes.checks.append(index)
            }
        }
        switch try await Self.status({ [writes, checks] in try await log.append(writes, checks: checks) }) {
        case .refused(let violations):
            let failed = violations.map { (index: indexes[$0.place], violation: $0) }
            throw RPCStatus(records: failed.sorted { $0.index < $1.index })
        case .appended(let revisions, let position):
            var response = RecordsResponse()
            response.revisions = zip(writes, revisions).map { write, revision in
                WrittenStream.with {
                    $0.stream = write.name
                    $0.revision = revision
                }
            }
            response.position = position
            return response
        }
    }

    /// Which check of the request a condition of the append stands for.
    private struct CheckIndexes {
        var writes: [Int: Int] = [:]
        var checks: [Int] = []

        /// -1 for a stream that is written and not checked, yet cannot be written.
        subscript(place: KurrentLog.Violation.Place) -> Int {
            switch place {
            case .write(let index): writes[index] ?? -1
            case .check(let index): checks[index]
            }
        }
    }

    private static func expectation(_ request: SessionRequest) throws(RPCStatus) -> KurrentExpectation {
        guard request.hasExpectedRevision else { return .any }
        switch request.expectedRevision {
        case 0...: return .revision(request.expectedRevision)
        case -1: return .noStream
        case -2: return .any
        case -4: return .exists
        default:
            throw .badRequest(
                "expected_revision is \(request.expectedRevision): use a revision, -1 no stream, -2 any or -4 exists.")
        }
    }

    /// Puts what the log says into a status.
    private static func status<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let failure as KurrentFailure {
            throw RPCStatus(v2: failure)
        } catch AccessDenial.denied(let missing) {
            throw RPCStatus.accessDeniedV2(missing)
        }
    }
}
#endif
