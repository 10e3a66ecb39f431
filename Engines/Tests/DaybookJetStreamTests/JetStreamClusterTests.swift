import BusTesting
import DaybookCore
import DaybookTesting
import Foundation
import StoreTrials
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

    @Test("takes an append of a client whose server is cut off from the others: it goes to another one")
    func leavesServer() async throws {
        try await Engine.withServers(nodes: 3) { engine, urls in
            let store = try await JetStreamEventStore.connect(
                urls, store: TestCluster.newName(), configuration: TestCluster.configuration(replicas: 3))
            try await store.append([NewEvent(type: "counted", data: [])], to: "count-1")
            let server = try #require(store.connection.connectedURL)
            let number = try #require(urls.split(separator: ",").firstIndex { server.hasSuffix($0.dropFirst(7)) }) + 1
            try engine.run("cut-off", String(number))
            let result = try await store.append(
                [NewEvent(type: "counted", data: [])], to: "count-1", expecting: .version(0))
            #expect(result.version == 1)
            #expect(store.connection.connectedURL != server)
            try engine.run("reconnect", String(number))
            await store.close()
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

    @Test("promises what those of its servers do that keep the log")
    func holders() async throws {
        try await Engine.withServers(nodes: 3) { engine, urls in
            let late = engine.folder + "/n3/conf"
            let settings = try String(contentsOfFile: late, encoding: .utf8)
            try engine.run("kill", "3")
            try settings.replacing("sync_interval: always", with: "sync_interval: 2m")
                .write(toFile: late, atomically: true, encoding: .utf8)
            try engine.run("start-node", "3")
            try engine.run("wait")
            func connect(_ replicas: Int, _ monitors: [String]) async throws -> Bool? {
                var configuration = TestCluster.configuration(replicas: replicas)
                configuration.monitoringURLs = monitors
                do {
                    let store = try await JetStreamEventStore.connect(
                        urls, store: TestCluster.newName(), configuration: configuration)
                    await store.close()
                    return store.durability.syncsAlways
                } catch {
                    guard case .tooWeak(let found, _) = error else { throw error }
                    return found.syncsAlways
                }
            }
            let monitors = try engine.monitors()
            #expect(try await connect(3, monitors) == false)
            #expect(try await connect(3, Array(monitors[..<2])) == nil)
            // A log on one server of the three, which the cluster chooses.
            var found: Set<Bool?> = []
            for _ in 0..<40 where found.count < 2 { found.insert(try await connect(1, monitors)) }
            #expect(found == [true, false])
        }
    }

    @Test("says in a store's health that a server which keeps the log is down, until it is back; so does the command")
    func health() async throws {
        let program = try BuiltProgram("daybook")
        try await Engine.withServers(nodes: 3) { engine, urls in
            var configuration = TestCluster.configuration(replicas: 3)
            configuration.monitoringURLs = try engine.monitors()
            configuration.durability.syncsAlways = true
            let name = TestCluster.newName()
            let store = try await JetStreamEventStore.connect(urls, store: name, configuration: configuration)
            try await store.append([NewEvent(type: "counted", data: [])], to: "count-1")
            #expect(try await eventually { try await store.health().isHealthy })
            let follower = try #require(try await store.logCluster()?.replicas?.first?.name)
            try engine.run("kill", String(follower.dropFirst()))
            #expect(
                try await eventually { try await store.health().problems.contains { $0.contains("'\(follower)'") } })
            let servers = urls.replacing("nats://", with: "")
            let monitors = try engine.monitors().joined(separator: ",")
            let told = try await program.run("health", "jetstream://\(servers)/\(name)?monitors=\(monitors)")
            #expect(told.status == 3 && told.errors.contains("'\(follower)'"), "\(told)")
            do throws(JetStreamStoreError) {
                _ = try await JetStreamEventStore.connect(urls, store: name, configuration: configuration)
                Issue.record("A server that nobody could ask was believed to sync always")
            } catch {
                guard case .tooWeak(let found, _) = error else { throw error }
                #expect(found.silentMonitors.count == 1 && error.description.contains("did not answer"), "\(error)")
            }
            try engine.run("start-node", String(follower.dropFirst()))
            #expect(try await eventually { try await store.health().isHealthy })
            await store.close()
        }
    }

    @Test("gives a source more than one batch that waits in a replicated stream, and nothing to report")
    func source() async throws {
        try await Engine.withServers(nodes: 3) { _, urls in
            let bus = try Bus(on: urls, replicas: 3)
            let target = try bus.target()
            let sending = Sending()
            await target.send(sending.messages(0..<50, streams: Bus.streams))
            await target.close()
            #expect(sending.acknowledged.count == 50 * Bus.streams.count)
            let taking = Taking()
            let source = try bus.source { $0.batch = 20 }
            #expect(
                try await run(source, until: { taking.messages.count >= 50 * Bus.streams.count }) { taking.note($0) })
            #expect(taking.messages.count == 50 * Bus.streams.count)
            #expect(taking.idsOfStreams == Sending.ids(0..<50, of: Bus.streams))
            #expect(bus.troubles.all.isEmpty, "\(bus.troubles.all)")
        }
    }
}

/// Writers that append while the cluster is broken under them, and what they were told held against the log in the end.
final class ClusterLoad: Sendable {
    static let kills = Int(ProcessInfo.processInfo.environment["JETSTREAM_KILLS"] ?? "3") ?? 3
    static let isAsked = TestCluster.replicas == 3
    static let skipped: Comment = "DAYBOOK_JETSTREAM_REPLICAS is not 3: run make test-engines ENGINES=jetstream"

    let engine: Engine
    let urls: String
    private let writers = LoadWriters()

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
        try await writers.run(on: stores) {
            for _ in 0..<rounds {
                try await waitForAppends(200)
                try await breakLeader(self, try await leader(of: stores[0]))
                try await waitForReplicas(of: stores[0])
            }
            try await waitForAppends(200)
        }
        try await compare(with: stores[1])
        for store in stores { await store.close() }
    }

    /// Waits until so many more appends were acknowledged.
    func waitForAppends(_ count: Int) async throws { try await writers.waitForAppends(count) }

    /// Looks for something in what the servers say of those that keep a log, for two minutes.
    private func find<Value>(
        _ what: String, of store: JetStreamEventStore, _ look: (LogCluster) -> Value?
    ) async throws -> Value {
        let end = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < end {
            if let cluster = try? await store.logCluster(), let found = look(cluster) { return found }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Engine.Failure(description: "there is no \(what) after 120 s")
    }

    /// The number of the server that leads.
    private func leader(of store: JetStreamEventStore) async throws -> String {
        try await find("leader", of: store) { cluster in cluster.leader.map { String($0.dropFirst()) } }
    }

    private func waitForReplicas(of store: JetStreamEventStore) async throws {
        try await find("leader with two replicas that are current", of: store) { cluster -> Void? in
            cluster.leader != nil && cluster.replicas?.map(\.current) == [true, true] ? () : nil
        }
    }

    private func compare(with store: JetStreamEventStore) async throws {
        var log: [RecordedEvent] = []
        for try await event in store.events(filter: .everything, pageSize: 1000) { log.append(event) }
        let appends = writers.appends
        let violations = appends.violations(in: log)
        #expect(violations.isEmpty, "\(violations.count), such as \(violations.prefix(5))")
        #expect(appends.missed(in: log) == [], "What is planted in what was recorded has to be found.")
        print(
            "\(appends.told.count) appends acknowledged, \(appends.unknown.count) unknown, "
                + "\(log.count) events in the log")
    }
}
