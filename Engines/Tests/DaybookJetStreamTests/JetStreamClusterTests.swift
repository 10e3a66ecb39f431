import DaybookCore
import DaybookTesting
import Foundation
import Synchronization
import Testing

@testable import DaybookJetStream

/// Three servers, one of which is killed or paused again and again while many append.
@Suite(
    "A cluster of three", .serialized, .enabled(if: Engine.isThere && ClusterLoad.isAsked, ClusterLoad.skipped))
struct JetStreamClusterTests {
    @Test("keeps every acknowledged event when its leader is killed under load")
    func kill() async throws {
        try await Engine.withServers(nodes: 3) { engine, urls in
            try await ClusterLoad(engine: engine, urls: urls).run(rounds: ClusterLoad.kills) { load, leader in
                try engine.run("kill", leader)
                try await load.waitForAppends(200)
                try engine.run("start-node", leader)
            }
        }
    }

    @Test("keeps every acknowledged event when its leader is paused under load")
    func pause() async throws {
        try await Engine.withServers(nodes: 3) { engine, urls in
            try await ClusterLoad(engine: engine, urls: urls).run(rounds: max(ClusterLoad.kills / 2, 1)) {
                load, leader in
                try engine.run("pause", leader)
                try await load.waitForAppends(200)
                try engine.run("continue", leader)
            }
        }
    }

    @Test("keeps every acknowledged event when its leader is cut off from the others under load")
    func cutOff() async throws {
        try await Engine.withServers(nodes: 3) { engine, urls in
            try await ClusterLoad(engine: engine, urls: urls).run(rounds: max(ClusterLoad.kills / 2, 1)) {
                load, leader in
                try engine.run("cut-off", leader)
                try await load.waitForAppends(200)
                try engine.run("reconnect", leader)
            }
        }
    }

    @Test("keeps every acknowledged event when all its servers are killed at once")
    func killAll() async throws {
        try await Engine.withServers(nodes: 3) { engine, urls in
            try await ClusterLoad(engine: engine, urls: urls).run(rounds: max(ClusterLoad.kills / 3, 1)) { load, _ in
                for node in 1...3 { try engine.run("kill", String(node)) }
                for node in 1...3 { try engine.run("start-node", String(node)) }
                try await load.waitForAppends(200)
            }
        }
    }

    @Test("keeps every law", arguments: EventStoreLaw.all)
    func law(_ law: EventStoreLaw) async throws {
        let store = try await ClusterLoad.shared()
        do { try await law.check(store) } catch {
            await TestCluster.remove(store)
            throw error
        }
        await TestCluster.remove(store)
    }

    @Test("answers many clients in some order", arguments: TestSeeds.first(2))
    func history(seed: UInt64) async throws {
        let store = try await ClusterLoad.shared()
        let history = try await HistoryWorkload(seed: seed, operations: 1_000).run(on: store)
        let violations = history.check().violations
        #expect(violations.isEmpty, "seed \(seed): \(violations.prefix(3))")
        await TestCluster.remove(store)
    }
}

/// Writers that note what they were told, and compare it with the log in the end.
final class ClusterLoad: Sendable {
    static let kills = Int(ProcessInfo.processInfo.environment["JETSTREAM_KILLS"] ?? "3") ?? 3
    static let isAsked = ProcessInfo.processInfo.environment["DAYBOOK_JETSTREAM_CLUSTER"] != nil
    static let skipped: Comment = "DAYBOOK_JETSTREAM_CLUSTER is not set: run make test-engines ENGINES=jetstream"

    /// An empty store on the cluster that the script started.
    static func shared() async throws -> JetStreamEventStore {
        let urls = try #require(ProcessInfo.processInfo.environment["DAYBOOK_JETSTREAM_CLUSTER"])
        return try await JetStreamEventStore.connect(
            urls, store: TestCluster.newName(), configuration: TestCluster.configuration(replicas: 3))
    }

    private struct Told: Sendable {
        var ids: [EventID]
        var result: AppendResult
        /// The tag on whose events the append was conditional, and the position after which there were none.
        var condition: (tag: DaybookCore.Tag, after: Position)?
    }

    private struct State {
        var told: [Told] = []
        var unknown: [[EventID]] = []
        var isOver = false
    }

    let engine: Engine
    let urls: String
    private let state = Mutex(State())

    init(engine: Engine, urls: String) {
        self.engine = engine
        self.urls = urls
    }

    func run(
        rounds: Int, _ breakLeader: (ClusterLoad, _ leader: String) async throws -> Void
    ) async throws {
        let name = TestCluster.newName()
        var configuration = TestCluster.configuration(replicas: 3)
        configuration.monitoringURLs = try engine.monitors()
        configuration.durability.syncsAlways = true
        var stores: [JetStreamEventStore] = []
        for _ in 0..<3 {
            stores.append(try await JetStreamEventStore.connect(urls, store: name, configuration: configuration))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<12 {
                let store = stores[writer % stores.count]
                group.addTask {
                    do { try await self.write(writer, to: store) } catch {
                        Issue.record("Writer \(writer) ended: \(error)")
                        self.state.withLock { $0.isOver = true }
                        throw error
                    }
                }
            }
            do {
                for _ in 0..<rounds {
                    try await waitForAppends(200)
                    try await breakLeader(self, try await leader(of: stores[0]))
                    try await waitForReplicas(of: stores[0])
                }
                try await waitForAppends(200)
            } catch {
                state.withLock { $0.isOver = true }
                throw error
            }
            state.withLock { $0.isOver = true }
            try await group.waitForAll()
        }
        try await compare(with: stores[1])
        for store in stores { await store.close() }
    }

    /// Every fourth writer appends ten events in a batch, every fourth a command to two streams, every fourth on a condition.
    private func write(_ writer: Int, to store: JetStreamEventStore) async throws {
        let own = StreamName(unchecked: "own-\(writer)")
        let tag = DaybookCore.Tag(unchecked: "shared:\(writer % 2)")
        var version: StreamVersion?
        var after = Position.start
        var round = 0
        while !state.withLock({ $0.isOver }) {
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
                request.append([second], to: "both-\(writer % 3)".stream)
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
                #expect(!result.isRepeat, "An append that was sent once was called a repeat")
                let condition = request.condition.map { (tag, $0.after) }
                let told = Told(ids: ids, result: result, condition: condition)
                state.withLock { $0.told.append(told) }
                version = result.version
                after = result.position
            case .failure(.conditionFailed(_, let conflict)): after = conflict
            case .failure(.storageFailed(_, true)):
                let lost = ids
                state.withLock { $0.unknown.append(lost) }
                version = try await store.state(of: own).lastVersion
            case .failure(let error): throw error
            }
        }
    }

    /// Waits until so many more appends were acknowledged.
    func waitForAppends(_ count: Int) async throws {
        let start = state.withLock { $0.told.count }
        let deadline = ContinuousClock.now + .seconds(180)
        while state.withLock({ $0.told.count }) < start + count {
            try #require(ContinuousClock.now < deadline, "No \(count) appends in 180 s")
            let isOver = state.withLock { $0.isOver }
            try #require(!isOver, "A writer has ended")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private struct Info: Decodable, Sendable {
        struct Cluster: Decodable, Sendable {
            struct Replica: Decodable, Sendable {
                var name: String
                var current: Bool
            }
            var leader: String?
            var replicas: [Replica]?
        }
        var cluster: Cluster
    }

    private func info(of store: JetStreamEventStore) async -> Info? {
        try? await store.connection.api("STREAM.INFO.\(store.subjects.stream)", timeout: .seconds(2))
    }

    /// The number of the server that leads.
    private func leader(of store: JetStreamEventStore) async throws -> String {
        for _ in 0..<600 {
            if let leader = await info(of: store)?.cluster.leader { return String(leader.dropFirst()) }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Engine.Failure(description: "no leader in 60 s")
    }

    private func waitForReplicas(of store: JetStreamEventStore) async throws {
        for _ in 0..<1200 {
            if let info = await info(of: store), info.cluster.leader != nil,
                let replicas = info.cluster.replicas, replicas.count == 2, replicas.allSatisfy(\.current)
            {
                return
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Engine.Failure(description: "a replica did not catch up in 120 s")
    }

    private func compare(with store: JetStreamEventStore) async throws {
        let (told, unknown) = state.withLock { ($0.told, $0.unknown) }
        var log: [RecordedEvent] = []
        for try await event in store.events(filter: .everything, pageSize: 1000) { log.append(event) }
        var positions: [EventID: Position] = [:]
        var versions: [StreamName: StreamVersion] = [:]
        for event in log {
            #expect(positions.updateValue(event.position, forKey: event.id) == nil, "Event \(event.id) is there twice")
            #expect(event.version == versions[event.stream]?.next ?? .first, "\(event.stream) at \(event.version)")
            versions[event.stream] = event.version
        }
        var lost = 0
        for append in told {
            let found = append.ids.compactMap { positions[$0] }
            if found.count != append.ids.count { lost += 1 }
            #expect(found.last == append.result.position, "An append stands elsewhere than was told")
            for (next, position) in zip(found.dropFirst(), found) { #expect(next == position.next) }
            if let condition = append.condition, let first = found.first {
                let between = log.first {
                    $0.position > condition.after && $0.position < first && $0.tags.contains(condition.tag)
                }
                #expect(between == nil, "An append was taken although its condition was broken")
            }
        }
        #expect(lost == 0, "\(lost) of \(told.count) acknowledged appends are lost")
        for ids in unknown {
            let found = ids.count { positions[$0] != nil }
            #expect(found == 0 || found == ids.count, "\(found) of \(ids.count) events of an append are there")
        }
        print("\(told.count) appends acknowledged, \(unknown.count) unknown, \(log.count) events in the log")
    }
}

extension String {
    fileprivate var stream: StreamName { StreamName(unchecked: self) }
}
