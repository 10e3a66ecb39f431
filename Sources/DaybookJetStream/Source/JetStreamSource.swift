#if JetStream
import Daybook

/// Gives the events of a JetStream stream, as a member of a group with durable pull consumers.
///
/// ```swift
/// let source = try JetStreamSource(
///     .init(
///         servers: "nats://n1:4222", stream: "PAYMENTS", group: "ledger",
///         subjects: JetStreamSubjects(prefix: "payments")))
/// try await source.run { batch in try await handle(batch.messages) }
/// ```
///
/// A lane is a partition, `PAYMENTS/03`, with a consumer of its own, `ledger-03`; without partitions there is one. An origin has
/// the message's sequence in the stream, `PAYMENTS@1207`. Cloud events are read in the binary and in the structured form; what is
/// neither is given too, as ``InvalidCloudEvent``.
///
/// One member at a time holds a lane, and is given its events in order; others stand by. One that is silent for
/// ``Configuration/takeOver`` is replaced, one that ends gives its lanes back at once. Whoever takes a lane over begins behind
/// what was acknowledged: whatever others had in hand comes again, before anything behind it. A handler that still runs when
/// its lane went to another member is cancelled.
///
/// Events are acknowledged when a batch was taken, and the server has said that it noted it before the next batch is given. When
/// a handler throws, it is given the same batch again after a wait, and other lanes go on. A slow handler costs nothing: the
/// member asks for more meanwhile, or shows that it is alive.
///
/// When connections break or leaders change, the source goes on by itself. It ends when the stream or a consumer is deleted.
///
/// The servers must be NATS 2.14 or later, which move a consumer back to where its acknowledgements end.
public struct JetStreamSource: EventSource {
    private let configuration: Configuration

    /// - Throws: ``JetStreamBusError/unusableSettings(reason:)``.
    public init(_ configuration: Configuration) throws(JetStreamBusError) {
        try configuration.check()
        self.configuration = configuration
    }

    /// - Throws: ``JetStreamBusError``, when the stream or a consumer is missing or cannot be used, or the servers are too old.
    public func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
        do {
            let connection = try await connect()
            do { try await run(on: connection, take) } catch {
                await connection.close()
                throw error
            }
            await connection.close()
        } catch {
            if Task.isCancelled { return }
            throw error
        }
    }

    private func connect() async throws -> JetStreamConnection {
        try await patiently { () async throws(JetStreamBusError) in
            do throws(ConnectionFailure) {
                return try await configuration.servers.connect(name: "daybook receiver \(configuration.group)")
            } catch {
                throw .unreachable(servers: configuration.servers.urls, reason: error.reason)
            }
        }
    }

    private func run(
        on connection: JetStreamConnection, _ take: @escaping @Sendable (ReceivedBatch) async throws -> Void
    ) async throws {
        let stream = try await patiently { () async throws(JetStreamBusError) in try await find(on: connection) }
        var first = configuration.start == .latest ? stream.state.lastSeq + 1 : nil
        var lanes: [SourceLane] = []
        for lane in configuration.lanes {
            let consumer = try await patiently { [first] () async throws(JetStreamBusError) in
                try await LaneConsumer.open(lane, of: configuration, startingAt: first, on: connection)
            }
            // Whoever was interrupted while it made them has made the first ones: the others begin there, too.
            if let own = first, let begun = consumer.first { first = min(own, begun) }
            lanes.append(
                SourceLane(
                    consumer: consumer, configuration: configuration,
                    bytes: max(16 << 20, connection.maxPayload + 1 << 16)))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in lanes { group.addTask { try await lane.run(take) } }
            // The first lane that fails ends the others.
            while try await group.next() != nil {}
        }
    }

    private func find(on connection: JetStreamConnection) async throws(JetStreamBusError) -> BusStream {
        let found: BusStream?
        do throws(ConnectionFailure) {
            found = try await BusStream.find(
                configuration.stream, taking: nil, orMake: nil, on: connection, timeout: configuration.requestTimeout)
        } catch {
            throw .unreachable(
                servers: configuration.servers.urls, reason: "the stream '\(configuration.stream)': \(error.reason)")
        }
        guard let found else { throw .streamMissing(name: configuration.stream) }
        return found
    }

    /// Tries again while no server answers.
    private func patiently<Value>(
        _ body: () async throws(JetStreamBusError) -> Value
    ) async throws -> Value {
        var wait = configuration.retries.lowerBound
        while true {
            do throws(JetStreamBusError) { return try await body() } catch {
                try Task.checkCancellation()
                guard case .unreachable = error else { throw error }
                configuration.report(error)
            }
            try await Task.sleep(for: wait)
            wait = min(wait * 2, configuration.retries.upperBound)
        }
    }
}
#endif
