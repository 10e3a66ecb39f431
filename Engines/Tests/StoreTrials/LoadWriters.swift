import DaybookCore
import Synchronization
import Testing

/// Writers that append at the same time, and note what they are told.
public final class LoadWriters: Sendable {
    private static let count = 12

    private struct State {
        var appends: AcknowledgedAppends
        var isOver = false
    }

    private let state: Mutex<State>

    /// - Parameter mayRepeat: Whether an append may be made again on the way to the store.
    public init(mayRepeat: Bool = false) {
        state = Mutex(State(appends: AcknowledgedAppends(mayRepeat: mayRepeat)))
    }

    public var appends: AcknowledgedAppends { state.withLock { $0.appends } }

    /// Has them append until a body returns.
    ///
    /// - Parameter stores: Ways to one log.
    public func run<Store: EventStore>(on stores: [Store], while body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<Self.count {
                let store = stores[writer % stores.count]
                group.addTask {
                    do { try await self.write(writer, to: store) } catch {
                        Issue.record("Writer \(writer) ended: \(error)")
                        self.state.withLock { $0.isOver = true }
                        throw error
                    }
                }
            }
            do { try await body() } catch {
                state.withLock { $0.isOver = true }
                throw error
            }
            state.withLock { $0.isOver = true }
            try await group.waitForAll()
        }
    }

    /// Has each of them append so often.
    public func run(on store: some EventStore, rounds: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<Self.count {
                group.addTask { try await self.write(writer, to: store, rounds: rounds) }
            }
            try await group.waitForAll()
        }
    }

    /// Waits until so many more appends were acknowledged.
    public func waitForAppends(_ count: Int) async throws {
        let start = state.withLock { $0.appends.told.count }
        let deadline = ContinuousClock.now + .seconds(180)
        while state.withLock({ $0.appends.told.count }) < start + count {
            try #require(ContinuousClock.now < deadline, "No \(count) appends in 180 s")
            let isOver = state.withLock { $0.isOver }
            try #require(!isOver, "A writer has ended")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Every fourth writer appends ten events in a batch, every fourth a command to two streams, every fourth on a
    /// condition.
    private func write(_ writer: Int, to store: some EventStore, rounds: Int = .max) async throws {
        let own = StreamName(unchecked: "own-\(writer)")
        let tag = DaybookCore.Tag(unchecked: "shared:\(writer % 2)")
        var version: StreamVersion?
        var after = Position.start
        var round = 0
        while round < rounds, !state.withLock({ $0.isOver }) {
            round += 1
            let count = writer % 4 == 1 ? 10 : 1
            let events = (0..<count).map { number in
                NewEvent(
                    type: "counted", data: Array("\(writer) \(round) \(number)".utf8),
                    tags: writer % 4 == 3 ? [tag] : [])
            }
            var ids = events.map(\.id)
            var request = AppendRequest()
            request.append(events, to: own, expecting: version.map { .version($0) } ?? .noStream)
            if writer % 4 == 2 {
                let second = NewEvent(type: "counted", data: [])
                ids.append(second.id)
                request.append([second], to: StreamName(unchecked: "both-\(writer % 3)"))
                request.commandID = CommandID(unchecked: "command \(writer) \(round)")
            }
            if writer % 4 == 3 {
                request.condition = AppendCondition(failIfEventsMatch: EventQuery(tags: [tag]), after: after)
            }
            let answer: Result<AppendResult, AppendError>
            do throws(AppendError) { answer = .success(try await store.append(request)) } catch {
                answer = .failure(error)
            }
            switch answer {
            case .success(let result):
                let condition = request.condition.map {
                    AcknowledgedAppends.Append.Condition(tag: tag, after: $0.after)
                }
                let told = AcknowledgedAppends.Append(ids: ids, result: result, condition: condition)
                state.withLock { $0.appends.told.append(told) }
                version = result.version
                after = result.position
            case .failure(.conditionFailed(_, let conflict)): after = conflict
            case .failure(.storageFailed(_, true)):
                let lost = ids
                state.withLock { $0.appends.unknown.append(lost) }
                version = try await store.state(of: own).lastVersion
            case .failure(let error): throw error
            }
        }
    }
}
