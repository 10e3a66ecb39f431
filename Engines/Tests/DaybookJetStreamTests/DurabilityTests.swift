import DaybookCore
import Foundation
import Testing

@testable import DaybookJetStream

@Suite("What a cluster promises", .enabled(if: Engine.isThere, Engine.skipped))
struct DurabilityTests {
    @Test("is read when connecting, and refused when weaker than asked for")
    func weak() async throws {
        try await Engine.withServers { engine, urls in
            let monitors = try engine.monitors()
            func connect(
                _ replicas: Int, _ syncsAlways: Bool, monitors: [String]
            ) async throws(JetStreamStoreError) -> JetStreamDurability {
                var configuration = JetStreamEventStore.Configuration(
                    durability: .init(replicas: replicas, syncsAlways: syncsAlways))
                configuration.monitoringURLs = monitors
                let store = try await JetStreamEventStore.connect(urls, store: "one", configuration: configuration)
                await store.close()
                return store.durability
            }
            let found = try await connect(1, true, monitors: monitors)
            #expect(found.replicas == 1 && found.syncsAlways == true)
            #expect(found.serverVersion.hasPrefix("2."))
            #expect(try await connect(1, false, monitors: []).syncsAlways == nil)
            await #expect(throws: JetStreamStoreError.self) { try await connect(3, true, monitors: monitors) }
            do {
                _ = try await connect(1, true, monitors: [])
                Issue.record("A server that nobody could ask was believed to sync always")
            } catch let error as JetStreamStoreError {
                guard case .tooWeak(let found, _) = error else { throw error }
                #expect(found.syncsAlways == nil)
                #expect(error.description.contains("give the monitoring addresses"))
            }
        }
    }

    @Test("is refused when a server syncs after it acknowledges")
    func lateSync() async throws {
        try await Engine.withServers(sync: "2m") { engine, urls in
            var configuration = JetStreamEventStore.Configuration(durability: .init(replicas: 1, syncsAlways: true))
            configuration.monitoringURLs = try engine.monitors()
            do {
                _ = try await JetStreamEventStore.connect(urls, store: "one", configuration: configuration)
                Issue.record("A server that syncs every two minutes was taken for one that always does")
            } catch let error as JetStreamStoreError {
                guard case .tooWeak(let found, _) = error else { throw error }
                #expect(found.syncsAlways == false)
            }
            configuration.durability.syncsAlways = false
            let store = try await JetStreamEventStore.connect(urls, store: "one", configuration: configuration)
            #expect(store.durability.syncsAlways == false)
            await store.close()
        }
    }

    @Test("is found broken when an older copy of the data is put back")
    func olderCopy() async throws {
        try await Engine.withServers { engine, urls in
            let files = FileManager.default
            let mark = engine.folder + "/mark"
            let data = engine.folder + "/n1/data"
            let copy = engine.folder + "/copy"
            var configuration = JetStreamEventStore.Configuration(durability: .init(replicas: 1, syncsAlways: false))
            configuration.highWaterMarkFile = mark
            configuration.requestTimeout = .seconds(1)
            func append(_ count: Int) async throws -> Position {
                let store = try await JetStreamEventStore.connect(urls, store: "one", configuration: configuration)
                for number in 0..<count {
                    try await store.append([NewEvent(type: "counted", data: Array("\(number)".utf8))], to: "count-1")
                }
                let head = try await store.head()
                await store.close()
                return head
            }
            let before = try await append(10)
            try engine.run("stop")
            try files.copyItem(atPath: data, toPath: copy)
            try engine.run("start")
            let after = try await append(10)
            #expect(after.rawValue == before.rawValue + 10)
            try engine.run("stop")
            try files.removeItem(atPath: data)
            try files.moveItem(atPath: copy, toPath: data)
            try engine.run("start")
            do {
                _ = try await append(1)
                Issue.record("A log that lost ten acknowledged events was served")
            } catch let error as JetStreamStoreError {
                guard case .lostEvents(let acknowledged, let found, _) = error else { throw error }
                #expect(acknowledged == after && found == before)
            }
            // Other events in place of those that were lost, so that the log is long enough again.
            var unmarked = configuration
            unmarked.highWaterMarkFile = nil
            let rival = try await JetStreamEventStore.connect(urls, store: "one", configuration: unmarked)
            for _ in 0..<12 { try await rival.append([NewEvent(type: "counted", data: [])], to: "count-2") }
            await rival.close()
            do {
                _ = try await append(1)
                Issue.record("A log with other events in place of acknowledged ones was served")
            } catch let error as JetStreamStoreError {
                guard case .lostEvents(let acknowledged, _, _) = error else { throw error }
                #expect(acknowledged == after)
            }
        }
    }

    @Test("is not asked of a stream that is not ours")
    func otherStream() async throws {
        try await Engine.withServers { _, urls in
            let connection = try await JetStreamConnection.connect(urls, settings: .init())
            struct Made: Decodable, Sendable {}
            let _: Made = try await connection.api(
                "STREAM.CREATE.ES_one", #"{"name":"ES_one","subjects":["es.one.>"],"max_age":3600000000000}"#,
                timeout: .seconds(5))
            await connection.close()
            let configuration = JetStreamEventStore.Configuration(durability: .init(replicas: 1, syncsAlways: false))
            do {
                _ = try await JetStreamEventStore.connect(urls, store: "one", configuration: configuration)
                Issue.record("A stream that forgets its messages was taken for a log")
            } catch let error as JetStreamStoreError {
                guard case .otherStream = error else { throw error }
            }
        }
    }

    @Test("is asked for each shard, whose number stays as it was")
    func shards() async throws {
        try await Engine.withServers { _, urls in
            let configuration = JetStreamEventStore.Configuration(durability: .init(replicas: 1, syncsAlways: false))
            let shards = try await JetStreamShards.connect(
                urls, store: "many", shards: 3, configuration: configuration)
            var used: Set<String> = []
            for number in 0..<20 {
                let stream = StreamName(unchecked: "category\(number)-1")
                try await shards.store(for: stream).append([NewEvent(type: "counted", data: [])], to: stream)
                #expect(try await shards.store(for: stream.category).state(of: stream).lastVersion == 0)
                used.insert(shards.store(for: stream).subjects.store)
            }
            #expect(used.count == 3)
            await shards.close()
            do {
                _ = try await JetStreamShards.connect(urls, store: "many", shards: 4, configuration: configuration)
                Issue.record("Three shards were opened as four")
            } catch let error as JetStreamStoreError {
                guard case .otherStream = error else { throw error }
            }
        }
    }

    @Test("needs a server that has batches", arguments: ["nats://127.0.0.1:1"])
    func unreachable(_ urls: String) async throws {
        do {
            _ = try await JetStreamEventStore.connect(urls, store: "one")
            Issue.record("A store was opened on no server")
        } catch {
            guard case .unreachable = error else { throw error }
        }
    }
}
