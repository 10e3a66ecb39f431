#if JetStream
import Synchronization

/// The JetStream stream that a target publishes to, found and checked, and the connection to it.
final class TargetStream: Sendable {
    let connection: JetStreamConnection
    /// Whether replicas answer reads.
    let allowsDirect: Bool
    private let limits: Mutex<(batch: Int, size: Int)>
    private let batches = Mutex<UInt64>(0)
    private let batchPrefix = String(UInt64.random(in: 1 << 40...UInt64.max), radix: 36) + "-"

    private init(_ connection: JetStreamConnection, batch: Int, size: Int, allowsDirect: Bool) {
        self.connection = connection
        self.allowsDirect = allowsDirect
        limits = Mutex((batch, size))
    }

    static func open(_ configuration: JetStreamTarget.Configuration) async throws(JetStreamBusError) -> TargetStream {
        let servers = configuration.servers
        let connection: JetStreamConnection
        do throws(ConnectionFailure) {
            connection = try await servers.connect(name: "daybook publisher of \(configuration.stream)")
        } catch {
            throw .unreachable(servers: servers.urls, reason: error.reason)
        }
        do throws(JetStreamBusError) {
            let stream = try await find(configuration, on: connection)
            if let reason = stream.unfitness(for: configuration.subjects) {
                throw .streamUnfit(name: configuration.stream, reason: reason)
            }
            var size = connection.maxPayload
            if let limit = stream.config.maxMsgSize, limit > 0 { size = min(size, limit) }
            return TargetStream(
                connection, batch: stream.config.allowAtomic == true ? configuration.batch : 1, size: size,
                allowsDirect: stream.config.allowDirect == true)
        } catch {
            await connection.close()
            throw error
        }
    }

    private static func find(
        _ configuration: JetStreamTarget.Configuration, on connection: JetStreamConnection
    ) async throws(JetStreamBusError) -> BusStream {
        let found: BusStream?
        do throws(ConnectionFailure) {
            found = try await BusStream.find(
                configuration.stream, taking: configuration.subjects.all, orMake: configuration.creation,
                on: connection, timeout: configuration.requestTimeout)
        } catch {
            throw .unreachable(
                servers: configuration.servers.urls, reason: "the stream '\(configuration.stream)': \(error.reason)")
        }
        guard let found else { throw .streamMissing(name: configuration.stream) }
        return found
    }

    /// How many messages a batch may have; 1 when there are no batches.
    var batchLimit: Int { limits.withLock(\.batch) }

    /// The bytes that a message may have.
    var sizeLimit: Int { limits.withLock(\.size) }

    /// The servers took no batch of this size.
    func reduceBatch(below count: Int) { limits.withLock { $0.batch = max(1, min($0.batch, count / 2)) } }

    /// Unlike that of any other batch, of this or another process: at most 64 bytes.
    func nextBatchID() -> String {
        let number = batches.withLock { number in
            number += 1
            return number
        }
        return batchPrefix + String(number, radix: 36)
    }
}
#endif
