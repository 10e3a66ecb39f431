import DaybookCore
import Foundation
import Testing

@testable import DaybookJetStream

/// The servers that tests run on: `make test-engines` starts them and says where they are.
enum TestCluster {
    static let urls = ProcessInfo.processInfo.environment["DAYBOOK_JETSTREAM_URLS"]
    static let monitors = ProcessInfo.processInfo.environment["DAYBOOK_JETSTREAM_MONITORS"]

    /// Servers that keep a copy of everything: 1, or all three of a cluster.
    static let replicas = ProcessInfo.processInfo.environment["DAYBOOK_JETSTREAM_REPLICAS"].flatMap(Int.init) ?? 1

    static let isThere = urls != nil
    static let skipped: Comment = "DAYBOOK_JETSTREAM_URLS is not set: run make test-engines ENGINES=jetstream"

    static func configuration(replicas: Int = replicas) -> JetStreamEventStore.Configuration {
        var configuration = JetStreamEventStore.Configuration(
            durability: .init(replicas: replicas, syncsAlways: monitors != nil))
        configuration.monitoringURLs = monitors?.split(separator: ",").map { String($0) } ?? []
        configuration.readPatience = .seconds(60)
        configuration.appendPatience = .seconds(60)
        return configuration
    }

    /// A name that no other store has.
    static func newName() -> String { "t" + String(UInt64.random(in: .min ... .max), radix: 36) }

    static func connect(
        _ name: String, _ configuration: JetStreamEventStore.Configuration = configuration()
    ) async throws -> JetStreamEventStore {
        try await JetStreamEventStore.connect(try #require(urls), store: name, configuration: configuration)
    }

    /// Gives a body an empty store, and removes it.
    static func withStore(
        _ configuration: JetStreamEventStore.Configuration = configuration(),
        _ body: (JetStreamEventStore) async throws -> Void
    ) async throws {
        let store = try await connect(newName(), configuration)
        do { try await body(store) } catch {
            await remove(store)
            throw error
        }
        await remove(store)
    }

    /// Gives a body as many empty stores as it asks for, and removes them.
    static func withStores(_ body: (() async throws -> JetStreamEventStore) async throws -> Void) async throws {
        var opened: [JetStreamEventStore] = []
        func make() async throws -> JetStreamEventStore {
            let store = try await connect(newName())
            opened.append(store)
            return store
        }
        var failure: (any Error)?
        do { try await body(make) } catch { failure = error }
        for store in opened { await remove(store) }
        if let failure { throw failure }
    }

    /// What `daybook` and `exchange` take for a store of a name.
    static func address(_ name: String) throws -> String {
        let servers = try #require(urls).replacing("nats://", with: "")
        let options = monitors.map { "monitors=\($0.replacing("http://", with: ""))" } ?? "sync=any"
        return "jetstream://\(servers)/\(name)?replicas=\(replicas)&\(options)"
    }

    /// Removes the store of a name.
    static func remove(_ name: String) async throws {
        let store = try await connect(name)
        _ = try await store.checkpoint(for: "none")  // Finds the bucket beside the log.
        await remove(store)
    }

    struct Removed: Decodable, Sendable { var success: Bool }

    static func remove(_ store: JetStreamEventStore) async {
        let _: Removed? = try? await store.connection.api(
            "STREAM.DELETE.\(store.subjects.stream)", timeout: .seconds(10))
        if store.isBucketOpen.withLock({ $0 }) {
            let _: Removed? = try? await store.connection.api(
                "STREAM.DELETE.KV_daybook-\(store.subjects.store)", timeout: .seconds(10))
        }
        await store.close()
    }
}
