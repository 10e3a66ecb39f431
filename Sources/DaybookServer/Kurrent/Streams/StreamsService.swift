#if Server
import DaybookCore
import NIOCore

/// `event_store.client.streams.Streams`: reads, subscriptions, appends and deletions of KurrentDB's clients.
struct StreamsService: Sendable {
    let log: KurrentLog
    let signals: StreamSignals

    static let name = "event_store.client.streams.Streams"

    var routes: RPCRoutes {
        [
            "/\(Self.name)/Read": .unaryRequest { request, responses, _ in
                try await read(ReadOptions(request), to: responses)
            },
            "/\(Self.name)/Append": .finishing(.clientStreaming { requests, _ in try await append(requests) }),
            "/\(Self.name)/BatchAppend": .finishing(
                .streaming { requests, responses, _ in
                    try await CallAccess.untilRefused {
                        requests.finish(.failure(RPCStatus($0)))
                    } work: {
                        try await batchAppend(requests, to: responses)
                    }
                }),
            "/\(Self.name)/Delete": .finishing(.unary { request, _ in try await delete(request) }),
            "/\(Self.name)/Tombstone": .finishing(.unary { request, _ in try await tombstone(request) }),
        ]
    }

    /// Puts what the log says into a status.
    static func status<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let failure as KurrentFailure {
            throw RPCStatus(failure)
        } catch let error as ReadError {
            throw RPCStatus(KurrentFailure(error))
        }
    }
}
#endif
