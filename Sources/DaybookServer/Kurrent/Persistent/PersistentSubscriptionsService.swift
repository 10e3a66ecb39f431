#if Server
import DaybookCore
import KurrentProtocol
import NIOCore

/// `event_store.client.persistent_subscriptions.PersistentSubscriptions`: groups of consumers.
struct PersistentSubscriptionsService: Sendable {
    let subscriptions: PersistentSubscriptions

    static let name = "event_store.client.persistent_subscriptions.PersistentSubscriptions"

    var routes: RPCRoutes {
        [
            "/\(Self.name)/Create": .unary { request, _ in try await create(request) },
            "/\(Self.name)/Update": .unary { request, _ in try await update(request) },
            "/\(Self.name)/Delete": .unary { request, _ in try await delete(request) },
            "/\(Self.name)/Read": .streaming { requests, responses, context in
                try await read(requests, to: responses, context)
            },
            "/\(Self.name)/GetInfo": .unary { request, _ in try await info(request) },
            "/\(Self.name)/ReplayParked": .unary { request, _ in try await replayParked(request) },
            "/\(Self.name)/TruncateParked": .unary { request, _ in try await truncateParked(request) },
            "/\(Self.name)/List": .unary { request, _ in try await list(request) },
            "/\(Self.name)/RestartSubsystem": .unary { (_: EventStore_Client_Empty, _) in
                try await subscriptions.restart()
                return EventStore_Client_Empty()
            },
        ]
    }

    typealias CreateRequest = EventStore_Client_PersistentSubscriptions_CreateReq
    typealias CreateResponse = EventStore_Client_PersistentSubscriptions_CreateResp
    typealias UpdateRequest = EventStore_Client_PersistentSubscriptions_UpdateReq
    typealias UpdateResponse = EventStore_Client_PersistentSubscriptions_UpdateResp
    typealias DeleteRequest = EventStore_Client_PersistentSubscriptions_DeleteReq
    typealias DeleteResponse = EventStore_Client_PersistentSubscriptions_DeleteResp
    typealias GetInfoRequest = EventStore_Client_PersistentSubscriptions_GetInfoReq
    typealias GetInfoResponse = EventStore_Client_PersistentSubscriptions_GetInfoResp
    typealias ReplayParkedRequest = EventStore_Client_PersistentSubscriptions_ReplayParkedReq
    typealias ReplayParkedResponse = EventStore_Client_PersistentSubscriptions_ReplayParkedResp
    typealias TruncateParkedRequest = EventStore_Client_PersistentSubscriptions_TruncateParkedReq
    typealias TruncateParkedResponse = EventStore_Client_PersistentSubscriptions_TruncateParkedResp
    typealias ListRequest = EventStore_Client_PersistentSubscriptions_ListReq
    typealias ListResponse = EventStore_Client_PersistentSubscriptions_ListResp

    // MARK: - Settings

    private func create(_ request: CreateRequest) async throws -> CreateResponse {
        let options = request.options
        let name: PersistentGroupName
        let start: PersistentSettings.Start
        var filter: KurrentFilter.Definition?
        switch options.streamOption {
        case .stream(let stream):
            name = try Self.groupName(ofStream: stream.streamIdentifier.text, group: options.groupName)
            switch stream.revisionOption {
            case .revision(let revision): start = try .init(revision, "revision")
            case .start: start = .start
            case .end: start = .end(after: 0)
            case nil: throw RPCStatus.required("RevisionOption", "RevisionOptionOneofCase")
            }
        case .all(let all):
            name = PersistentGroupName(stream: KurrentNames.all, group: options.groupName)
            switch all.allOption {
            case .position(let position):
                try Self.check(commit: position.commitPosition, prepare: position.preparePosition, of: name)
                start = try .init(position.commitPosition, "position")
            case .start: start = .start
            case .end: start = .end(after: 0)
            case nil: throw RPCStatus.required("AllOption", "AllOptionOneofCase")
            }
            if case .filter(let options) = all.filterOption { filter = try KurrentFilter.Definition(options) }
        case nil:
            name = try Self.groupName(ofStream: options.streamIdentifier.text, group: options.groupName)
            start = try .init(options.settings.revision, "revision")
        }
        if let filter { _ = try KurrentFilter(filter) }
        let settings = try PersistentSettings(options.settings, start: start, of: name)
        try await Self.status { try await subscriptions.create(name, settings: settings, filter: filter) }
        return CreateResponse()
    }

    private func update(_ request: UpdateRequest) async throws -> UpdateResponse {
        let options = request.options
        let name: PersistentGroupName
        let start: PersistentSettings.Start
        switch options.streamOption {
        case .stream(let stream):
            name = try Self.groupName(ofStream: stream.streamIdentifier.text, group: options.groupName)
            switch stream.revisionOption {
            case .revision(let revision): start = try .init(revision, "revision")
            case .start: start = .start
            case .end: start = .end(after: 0)
            case nil: throw RPCStatus.required("RevisionOption", "RevisionOptionOneofCase")
            }
        case .all(let all):
            name = PersistentGroupName(stream: KurrentNames.all, group: options.groupName)
            switch all.allOption {
            case .position(let position):
                try Self.check(commit: position.commitPosition, prepare: position.preparePosition, of: name)
                start = try .init(position.commitPosition, "position")
            case .start: start = .start
            case .end: start = .end(after: 0)
            case nil: throw RPCStatus.required("AllOption", "AllOptionOneofCase")
            }
        case nil:
            name = try Self.groupName(ofStream: options.streamIdentifier.text, group: options.groupName)
            start = try .init(options.settings.revision, "revision")
        }
        _ = try subscriptions.group(name)
        let settings = try PersistentSettings(options.settings, start: start, of: name)
        try await Self.status { try await subscriptions.update(name, settings: settings) }
        return UpdateResponse()
    }

    private func delete(_ request: DeleteRequest) async throws -> DeleteResponse {
        let options = request.options
        let stream: String
        switch options.streamOption {
        case .streamIdentifier(let identifier): stream = identifier.text
        case .all: stream = KurrentNames.all
        case nil: throw RPCStatus.required("StreamOption", "StreamOptionOneofCase")
        }
        let name = PersistentGroupName(stream: stream, group: options.groupName)
        try await Self.status { try await subscriptions.delete(name) }
        return DeleteResponse()
    }

    /// Makes a change; a failure of the storage is a status like others.
    private static func status(_ change: () async throws -> Void) async throws {
        do { try await change() } catch let error as GroupStorageError { throw RPCStatus(error) }
    }

    private static func groupName(ofStream stream: String, group: String) throws(RPCStatus) -> PersistentGroupName {
        let name = PersistentGroupName(stream: stream, group: group)
        if name.isAll {
            throw .groupFailed(
                name, "Persistent subscriptions to $all are only supported over gRPC through gRPC clients")
        }
        if stream.isEmpty { throw .groupFailed(name, "Bad stream name.") }
        return name
    }

    private static func check(commit: UInt64, prepare: UInt64, of name: PersistentGroupName) throws(RPCStatus) {
        guard commit == .max || prepare <= commit else {
            throw .groupFailed(name, "The prepare position \(prepare) is above the commit position \(commit).")
        }
    }

    // MARK: - What there is

    private func info(_ request: GetInfoRequest) async throws -> GetInfoResponse {
        let stream: String
        switch request.options.streamOption {
        case .streamIdentifier(let identifier): stream = identifier.text
        case .all: stream = KurrentNames.all
        case nil: throw RPCStatus.required("StreamOption", "StreamOptionOneofCase")
        }
        let name = PersistentGroupName(stream: stream, group: request.options.groupName)
        let info = try await subscriptions.group(name).info()
        return .with { $0.subscriptionInfo = info }
    }

    private func list(_ request: ListRequest) async throws -> ListResponse {
        var stream: String?
        switch request.options.listOption {
        case .listAllSubscriptions: break
        case .listForStream(let option):
            switch option.streamOption {
            case .stream(let identifier): stream = identifier.text
            case .all: stream = KurrentNames.all
            case nil: throw RPCStatus.required("StreamOption", "StreamOptionOneofCase")
            }
        case nil: throw RPCStatus.required("ListOption", "ListOptionOneofCase")
        }
        guard let groups = subscriptions.groups(of: stream) else {
            throw RPCStatus.groupMissing(PersistentGroupName(stream: stream ?? "", group: ""))
        }
        var response = ListResponse()
        for group in groups { response.subscriptions.append(try await group.info()) }
        return response
    }

    // MARK: - Parked events

    private func replayParked(_ request: ReplayParkedRequest) async throws -> ReplayParkedResponse {
        let options = request.options
        let stream: String
        switch options.streamOption {
        case .streamIdentifier(let identifier): stream = identifier.text
        case .all: stream = KurrentNames.all
        case nil: throw RPCStatus.required("StreamOption", "StreamOptionOneofCase")
        }
        let name = PersistentGroupName(stream: stream, group: options.groupName)
        let group = try subscriptions.group(name)
        switch options.stopAtOption {
        case .stopAt(let stop): try await group.replayParked(until: try Self.stop(stop, of: name))
        case .noLimit: try await group.replayParked(until: nil)
        case nil: throw RPCStatus.required("StopAtOption", "StopAtOptionOneofCase")
        }
        return ReplayParkedResponse()
    }

    private func truncateParked(_ request: TruncateParkedRequest) async throws -> TruncateParkedResponse {
        let options = request.options
        let stream: String
        switch options.streamOption {
        case .streamIdentifier(let identifier): stream = identifier.text
        case .all: stream = KurrentNames.all
        case nil: throw RPCStatus.required("StreamOption", "StreamOptionOneofCase")
        }
        let name = PersistentGroupName(stream: stream, group: options.groupName)
        let group = try subscriptions.group(name)
        switch options.stopAtOption {
        case .stopAt(let stop): try await group.truncateParked(until: try Self.stop(stop, of: name))
        case .noLimit: try await group.truncateParked(until: nil)
        case nil: throw RPCStatus.required("StopAtOption", "StopAtOptionOneofCase")
        }
        return TruncateParkedResponse()
    }

    private static func stop(_ revision: Int64, of name: PersistentGroupName) throws(RPCStatus) -> Int64 {
        guard revision >= 0 else { throw .groupFailed(name, "Cannot stop at a negative version.") }
        return revision
    }
}

extension PersistentSettings.Start {
    /// All ones are the end; what else does not fit into 63 bits is no place.
    fileprivate init(_ value: UInt64, _ kind: String) throws(RPCStatus) {
        switch try ReadOptions.Start(value, kind) {
        case .start: self = .start
        case .end: self = .end(after: 0)
        case .at(let place): self = .at(place)
        }
    }
}

extension KurrentFilter.Definition {
    fileprivate init(
        _ options: EventStore_Client_PersistentSubscriptions_CreateReq.AllOptions.FilterOptions
    ) throws(RPCStatus) {
        switch options.filter {
        case .streamIdentifier(let value): self.init(subject: .stream, regex: value.regex, prefixes: value.prefix)
        case .eventType(let value): self.init(subject: .type, regex: value.regex, prefixes: value.prefix)
        case nil: throw .required("Filter", "FilterOneofCase")
        }
    }
}
#endif
