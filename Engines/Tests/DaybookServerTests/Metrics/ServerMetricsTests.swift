import DaybookClient
import DaybookCore
import DaybookSQLite
import Foundation
import KurrentProtocol
import NIOCore
import SwiftProtobuf
import Testing

@testable import DaybookServer

@Suite("The metrics of a server", .timeLimit(.minutes(1))) struct ServerMetricsTests {
    private static func metrics(_ served: ServedStore) async throws -> Exposition {
        let answer = try await served.get("/metrics")
        #expect(answer.status == 200)
        return try Exposition(answer.text)
    }

    /// Waits until a value is as it should be.
    private static func until(
        _ served: ServedStore, _ name: String, _ labels: [String: String], _ holds: (Double) -> Bool
    ) async throws {
        while true {
            let value = try await metrics(served)[name, labels]
            if let value, holds(value) { return }
            await Task.yield()
        }
    }

    private static func client(_ served: ServedStore) throws -> DaybookClient {
        try DaybookClient.connect(
            to: served.address.replacingOccurrences(of: "http://", with: "daybook://") + "?tls=false")
    }

    @Test("keep the rules of the format, and move with appends and reads by HTTP")
    func http() async throws {
        try await ServedStore.serving { served async throws in
            let http = ["protocol": "http"]
            let before = try await Self.metrics(served)
            #expect(before["daybook_append_requests_total", ["protocol": "http", "outcome": "ok"]] == 0)
            #expect(try await served.append(#"{"n":1}"#, to: "a").status == 200)
            #expect(try await served.append(#"{"n":2}"#, to: "a", expected: "0").status == 200)
            #expect(try await served.append(#"{"n":3}"#, to: "a", expected: "0").status == 409)
            #expect(try await served.get("/v1/streams/a").status == 200)
            #expect(try await served.get("/v1/log").status == 200)
            let after = try await Self.metrics(served)
            #expect(after["daybook_append_requests_total", ["protocol": "http", "outcome": "ok"]] == 2)
            #expect(after["daybook_append_requests_total", ["protocol": "http", "outcome": "refused"]] == 1)
            #expect(after["daybook_append_events_total", http] == 2)
            #expect((after["daybook_append_bytes_total", http] ?? 0) >= 14)
            #expect(after["daybook_append_duration_seconds_count", http] == 3)
            #expect((after["daybook_append_duration_seconds_sum", http] ?? 0) > 0)
            #expect(after["daybook_appends_in_hand", http] == 0)
            #expect(after["daybook_read_pages_total", ["protocol": "http", "outcome": "ok"]] == 2)
            #expect(after["daybook_read_events_total", http] == 4)
            #expect(after["daybook_read_page_duration_seconds_count", http] == 2)
            let appends = ["protocol": "http", "method": "POST /v1/append"]
            #expect(after["daybook_calls_total", appends.merging(["outcome": "ok"]) { $1 }] == 2)
            #expect(after["daybook_calls_total", appends.merging(["outcome": "refused"]) { $1 }] == 1)
            // The one that asks.
            #expect(after["daybook_calls_in_hand", http] == 1)
            #expect((after["daybook_connections", ["kind": "http1"]] ?? 0) >= 1)
            #expect(after["daybook_persistent_subscriptions"] == 0)
            #expect(after["daybook_append_events_total", ["protocol": "kurrentdb"]] == 0)
            // No name of a stream is a label.
            #expect(!after.values.keys.contains { $0.labels.values.contains("a") })
            #if os(Linux)
            for name in ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"] {
                #expect((after[name] ?? 0) > 0, "\(name)")
            }
            #endif
        }
    }

    @Test("move with what DaybookClient appends and reads by gRPC")
    func client() async throws {
        try await ServedStore.serving { served async throws in
            let client = try Self.client(served)
            let daybook = ["protocol": "daybook"]
            try await client.append(
                [NewEvent(type: "T", data: [1, 2, 3]), NewEvent(type: "T", data: [4])], to: "a")
            await #expect(throws: AppendError.self) {
                try await client.append([NewEvent(type: "T", data: [])], to: "a", expecting: .noStream)
            }
            _ = try await client.readPage(from: .start, direction: .forward, filter: .everything, limit: 10)
            let after = try await Self.metrics(served)
            #expect(after["daybook_append_requests_total", ["protocol": "daybook", "outcome": "ok"]] == 1)
            #expect(after["daybook_append_requests_total", ["protocol": "daybook", "outcome": "refused"]] == 1)
            #expect(after["daybook_append_events_total", daybook] == 2)
            #expect(after["daybook_append_bytes_total", daybook] == 4)
            #expect(after["daybook_read_events_total", daybook] == 2)
            let method = ["protocol": "daybook", "method": "daybook.v1.Store/Append", "outcome": "ok"]
            // The call succeeds that is answered with a refusal of the store.
            #expect(after["daybook_calls_total", method] == 2)
            #expect(after["daybook_connections", ["kind": "http2"]] == 1)
            await client.close()
            try await Self.until(served, "daybook_connections", ["kind": "http2"]) { $0 == 0 }
        }
    }

    @Test("move with what a client of KurrentDB appends and reads")
    func kurrent() async throws {
        let store = InMemoryEventStore()
        let log = try await KurrentLog.open(store)
        let service = StreamsService(log: log, signals: StreamSignals(store: store))
        let routes = CallObserver(metrics: log.metrics, tracing: CallTracing()).observing(service.routes)
        guard case .finishing(.clientStreaming(let append))? = routes["/\(StreamsService.name)/Append"],
            case .streaming(let read)? = routes["/\(StreamsService.name)/Read"]
        else {
            Issue.record("The methods are of another kind.")
            return
        }
        let context = RPCContext(path: "", peer: RPCPeer(address: "test"))
        _ = try await append(try Self.requests(appendingTo: "a"), context)
        let reading = RPCRequests()
        try reading.deliver(
            try ByteBuffer(
                EventStore_Client_Streams_ReadReq.with {
                    $0.options.stream.streamIdentifier = .init("a")
                    $0.options.stream.start = .init()
                    $0.options.count = 10
                    $0.options.noFilter = .init()
                    $0.options.uuidOption.string = .init()
                }))
        reading.finish()
        try await read(reading, RPCResponses { _ in }, context)
        let empty = RPCRequests()
        empty.finish()
        await #expect(throws: RPCStatus.self) { _ = try await append(empty, context) }
        let after = try Exposition(log.metrics.text)
        let kurrent = ["protocol": "kurrentdb"]
        #expect(after["daybook_append_events_total", kurrent] == 1)
        #expect(after["daybook_read_events_total", kurrent] == 1)
        let method = ["protocol": "kurrentdb", "method": "\(StreamsService.name)/Append"]
        #expect(after["daybook_calls_total", method.merging(["outcome": "ok"]) { $1 }] == 1)
        #expect(after["daybook_calls_total", method.merging(["outcome": "failed"]) { $1 }] == 1)
        #expect(after["daybook_calls_in_hand", kurrent] == 0)
    }

    private static func requests(appendingTo stream: String) throws -> RPCRequests {
        let requests = RPCRequests()
        try requests.deliver(
            try ByteBuffer(
                EventStore_Client_Streams_AppendReq.with {
                    $0.options.streamIdentifier = .init(stream)
                    $0.options.any = .init()
                }))
        try requests.deliver(
            try ByteBuffer(
                EventStore_Client_Streams_AppendReq.with {
                    $0.proposedMessage.id.string = EventID().description
                    $0.proposedMessage.metadata = ["type": "Placed", "content-type": "application/json"]
                    $0.proposedMessage.data = Data("{}".utf8)
                }))
        requests.finish()
        return requests
    }

    @Test("tell how long a follower waited for what was recorded while it followed")
    func followers() async throws {
        try await ServedStore.serving { served async throws in
            let http = ["protocol": "http"]
            _ = try await served.append("{}", to: "a")
            let following = Task { try await served.get("/v1/log/follow") }
            defer { following.cancel() }
            // What was there before is sent, and says nothing of deliveries.
            try await Self.until(served, "daybook_subscription_events_total", http) { $0 == 1 }
            let before = try await Self.metrics(served)
            #expect(before["daybook_subscriptions", http] == 1)
            #expect(before["daybook_subscription_delivery_seconds_count", http] == 0)
            _ = try await served.append("{}", to: "a")
            try await Self.until(served, "daybook_subscription_events_total", http) { $0 == 2 }
            #expect(try await Self.metrics(served)["daybook_subscription_delivery_seconds_count", http] == 1)
            following.cancel()
            try await Self.until(served, "daybook_subscriptions", http) { $0 == 0 }
        }
    }

    @Test("tell of each group of consumers what waits for it")
    func groups() async throws {
        let store = InMemoryEventStore()
        let log = try await KurrentLog.open(store)
        let signals = StreamSignals(store: store)
        let subscriptions = try await PersistentSubscriptions.open(log: log, signals: signals, checkpoints: store)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await signals.run() }
            tasks.addTask { await subscriptions.run() }
            defer { tasks.cancelAll() }
            let events = (0..<3).map { NewEvent(type: "Placed", data: Array("\($0)".utf8)) }
            _ = try await log.append(events, to: "order", expecting: .any)
            let name = PersistentGroupName(stream: "order", group: "g")
            try await subscriptions.create(name, settings: PersistentSettings(), filter: nil)
            let group = try subscriptions.group(name)
            let client = try group.connect(name: "c", user: "u", bufferSize: 2)
            var taken: [GroupEvent] = []
            while taken.count < 2 { taken += try await group.outgoing(for: client, atMost: 2) }
            while await group.figures().waiting < 1 { await Task.yield() }
            let told = try Exposition(try await GroupMetrics(subscriptions: subscriptions, store: store).text())
            let labels = ["stream": "order", "group": "g"]
            #expect(told["daybook_persistent_subscriptions"] == 1)
            #expect(told["daybook_persistent_subscription_clients", labels] == 1)
            #expect(told["daybook_persistent_subscription_in_flight", labels] == 2)
            #expect(told["daybook_persistent_subscription_waiting", labels] == 1)
            #expect(told["daybook_persistent_subscription_parked", labels] == 0)
            #expect((told["daybook_persistent_subscription_lag_events", labels] ?? 0) >= 3)
        }
    }

    @Test("have those of the embedded store's file, index, caches and commits")
    func embedded() async throws {
        let store = try await SQLiteEventStore.temporary()
        try await ServedStore.serving(store) { served async throws in
            _ = try await served.append("{}", to: "a")
            _ = try await served.append("{}", to: "b")
            let told = try await Self.metrics(served)
            let store = ["store": "store"]
            #expect((told["daybook_store_file_bytes", store] ?? 0) > 0)
            #expect(told["daybook_store_commit_appends_sum", store] == 2)
            #expect(told["daybook_store_commit_events_sum", store] == 2)
            #expect((told["daybook_store_commit_duration_seconds_count", store] ?? 0) >= 1)
            #expect(told["daybook_store_wal_pages", store] != nil)
            #expect(told["daybook_store_failed", store] == 0)
            #expect((told["daybook_store_cache_bytes", ["store": "store", "connection": "writer"]] ?? 0) > 0)
            #expect(told["daybook_head_position", store] == 2)
        }
        await store.close()
    }

    @Test("are told of the server when the store is closed, and that this is no health")
    func closedStore() async throws {
        let store = try await SQLiteEventStore.temporary()
        try await ServedStore.serving(store) { served async throws in
            await store.close()
            let told = try await Self.metrics(served)
            #expect(told["daybook_healthy", ["store": "store"]] == 0)
            #expect(told["daybook_head_position", ["store": "store"]] == nil)
            #expect(told["daybook_append_events_total", ["protocol": "http"]] == 0)
        }
    }
}
