#if Server
import DaybookCore
import KurrentProtocol
import NIOCore

extension PersistentSubscriptionsService {
    private typealias ReadRequest = EventStore_Client_PersistentSubscriptions_ReadReq
    private typealias ReadResponse = EventStore_Client_PersistentSubscriptions_ReadResp

    /// The events of one piece that is sent.
    private static let eventsAtOnce = 50

    /// One client of a group: it is sent events, and answers each, until it goes, or sends no more.
    func read(_ requests: RPCRequests, to responses: RPCResponses, _ context: RPCContext) async throws {
        guard let first = try await requests.next(),
            case .options(let options) = try first.message(ReadRequest.self).content
        else { throw RPCStatus.unforeseen }
        let stream: String
        switch options.streamOption {
        case .streamIdentifier(let identifier): stream = identifier.text
        case .all: stream = KurrentNames.all
        case nil: throw RPCStatus.required("StreamOption", "StreamOptionOneofCase")
        }
        let uuidForm: UUIDForm
        switch options.uuidOption.content {
        case .string: uuidForm = .string
        case .structured, nil: uuidForm = .structured
        }
        try await CallAccess.require(.consume(StreamResource(client: stream)))
        let name = PersistentGroupName(stream: stream, group: options.groupName)
        let group = try subscriptions.group(name)
        let client = try group.connect(
            name: context.header("connection-name") ?? "<unknown>",
            user: CallAccess.current?.principal.login ?? "anonymous",
            bufferSize: Int(options.bufferSize))
        defer { group.disconnect(client) }
        try await responses.send(ReadResponse.with { $0.subscriptionConfirmation.subscriptionID = name.id })
        try await CallAccess.whileAllowed {
            try await Self.exchange(requests, responses, with: client, of: group, uuidForm)
        }
    }

    private static func exchange(
        _ requests: RPCRequests, _ responses: RPCResponses, with client: GroupClient.ID,
        of group: PersistentGroupDriver,
        _ uuidForm: UUIDForm
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await takeAnswers(requests, for: group) }
            tasks.addTask {
                let encoder = KurrentEventEncoder(uuidForm: uuidForm)
                while true {
                    let events = try await group.outgoing(for: client, atMost: Self.eventsAtOnce)
                    let resolved = try await CallAccess.visibleTargets(events.map(\.resolved))
                    try await responses.send(framed: encode(events, as: resolved, by: encoder))
                }
            }
            defer { tasks.cancelAll() }
            // Whichever ends first ends the call.
            try await tasks.next()
        }
    }

    private static func encode(
        _ events: [GroupEvent], as resolved: [ResolvedEvent], by encoder: KurrentEventEncoder
    ) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(events.reduce(0) { $0 + $1.bytes + 256 })
        for (event, resolved) in zip(events, resolved) {
            buffer.writeRPCMessage { message in
                encoder.write(
                    resolved.event, link: resolved.link, retryCount: event.retryCount, to: &message)
            }
        }
        return buffer
    }

    private static func takeAnswers(_ requests: RPCRequests, for group: PersistentGroupDriver) async throws {
        while let message = try await requests.next() {
            switch try message.message(ReadRequest.self).content {
            case .ack(let ack):
                let ids = ack.ids.compactMap(\.eventID)
                group.change { $0.acknowledge(ids, now: .now) }
            case .nack(let nack):
                let ids = nack.ids.compactMap(\.eventID)
                let rejection: PersistentGroup.Rejection
                switch nack.action {
                case .unknown, .retry, .UNRECOGNIZED: rejection = .retry
                case .park: rejection = .park
                case .skip: rejection = .skip
                case .stop: rejection = .stop
                }
                let reason = String(decoding: nack.reason.utf8.prefix(reasonBytes), as: UTF8.self)
                group.change { $0.reject(ids, rejection, reason: reason) }
            case .options, nil:
                throw RPCStatus.unforeseen
            }
        }
    }

    /// What is kept of a client's reason: it is recorded with each event that is parked.
    private static let reasonBytes = 4_096
}
#endif
