import Daybook
import Synchronization

/// A source in memory: some lanes, each with what has come and how far it was dealt with.
final class TestSource: EventSource {
    private struct Lane {
        var messages: [ReceivedMessage] = []
        var committed = 0
    }

    private let lanes = Mutex<[String: Lane]>([:])
    private let batch: Int

    /// - Parameter batch: The most messages that are given at once.
    init(batch: Int = 10) { self.batch = batch }

    func add(_ event: CloudEvent, to lane: String = "0") { add(.success(event), body: event.json, to: lane) }

    func add(
        _ content: Result<CloudEvent, InvalidCloudEvent>, body: [UInt8], attributes: [String: String] = [:],
        to lane: String = "0"
    ) {
        lanes.withLock { lanes in
            let origin = "\(lane)@\(lanes[lane]?.messages.count ?? 0)"
            lanes[lane, default: Lane()].messages.append(
                ReceivedMessage(origin: origin, content: content, body: body, attributes: attributes))
        }
    }

    /// How many messages of a lane are dealt with.
    func committed(_ lane: String = "0") -> Int { lanes.withLock { $0[lane]?.committed ?? 0 } }

    /// Gives all there is, then ends. Ends by an error when `take` throws.
    func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in lanes.withLock({ $0.keys.sorted() }) {
                group.addTask {
                    while true {
                        let (next, committed) = self.lanes.withLock { lanes in
                            let lane = lanes[name] ?? Lane()
                            return (Array(lane.messages.dropFirst(lane.committed).prefix(self.batch)), lane.committed)
                        }
                        guard !next.isEmpty else { return }
                        try await take(ReceivedBatch(lane: name, messages: next))
                        self.lanes.withLock { $0[name]?.committed = committed + next.count }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
