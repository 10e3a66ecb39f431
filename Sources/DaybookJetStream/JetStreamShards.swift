#if JetStream
import DaybookCore

/// Several logs on one cluster, each with the streams of some categories: more appends than one Raft group takes.
///
/// ```swift
/// let shards = try await JetStreamShards.connect("nats://n1:4222,nats://n2:4222", store: "orders", shards: 4)
/// try await shards.store(for: "order-42").append(events, to: "order-42", expecting: .noStream)
/// ```
///
/// Each shard is a store of its own, with its own positions, tags and commands. There is no order between shards, and no
/// append to two of them: what must change together belongs into one category, or into an unsharded store.
public struct JetStreamShards: Sendable {
    public let stores: [JetStreamEventStore]

    /// Opens all shards, which are made when there are none.
    ///
    /// - Parameter count: 1 to 64; fixed for good when the shards are made. Another number is refused.
    public static func connect(
        _ urls: String, store name: String, shards count: Int,
        configuration: JetStreamEventStore.Configuration = .init()
    ) async throws(JetStreamStoreError) -> JetStreamShards {
        guard (1...64).contains(count) else { throw .invalidShards(count) }
        var stores: [JetStreamEventStore] = []
        do throws(JetStreamStoreError) {
            for index in 0..<count {
                var configuration = configuration
                configuration.shards = count
                if let file = configuration.highWaterMarkFile {
                    configuration.highWaterMarkFile = "\(file)-\(index)"
                }
                stores.append(
                    try await JetStreamEventStore.connect(
                        urls, store: "\(name)-\(index)", configuration: configuration))
            }
        } catch {
            for store in stores { await store.close() }
            throw error
        }
        return JetStreamShards(stores: stores)
    }

    /// The store that has a stream: the one of its category.
    public func store(for stream: StreamName) -> JetStreamEventStore {
        store(for: (stream.controlled ?? stream).category)
    }

    /// The store that has all streams of a category.
    public func store(for category: Category) -> JetStreamEventStore {
        stores[Int(LogSubjects.hash(category.rawValue) % UInt64(stores.count))]
    }

    public func close() async {
        for store in stores { await store.close() }
    }
}
#endif
