import DaybookCore
import DaybookJetStream
import Foundation
import SideBySide
import Synchronization

/// The same work by the store and by a bare client, in turns, so that both meet the same machine.
struct Comparison: Sendable {
    let urls: String
    let replicas: Int
    let monitors: String?
    let seconds: Double
    let events: Int
    /// What has this in its name is measured; everything when it is empty.
    let only: String

    static let payload = [UInt8](repeating: UInt8(ascii: "x"), count: 256)

    func run() async throws {
        let name = "bench" + String(UInt64.random(in: 0 ... .max), radix: 36)
        var configuration = JetStreamEventStore.Configuration(
            durability: .init(replicas: replicas, syncsAlways: monitors != nil))
        configuration.monitoringURLs = monitors?.split(separator: ",").map { String($0) } ?? []
        let store = try await JetStreamEventStore.connect(urls, store: name, configuration: configuration)
        let bare = try BareClient(urls: urls, stream: "BARE_" + name, subject: "bare." + name, replicas: replicas)
        table.show("\(store.durability); \(Self.payload.count) bytes an event")
        table.begin("Store")
        try await row(
            "append, 1 writer, events/s", bare: { try bare.append(writers: 1, seconds: seconds) },
            ours: { try await append(to: store, writers: 1, batch: 1) })
        try await row(
            "append, 32 writers, events/s", bare: { try bare.append(writers: 32, seconds: seconds) },
            ours: { try await append(to: store, writers: 32, batch: 1) })
        try await row(
            "batches of 100, 1 writer, events/s", bare: { try bare.appendBatches(of: 100, seconds: seconds) },
            ours: { try await append(to: store, writers: 1, batch: 100) })
        let publishing = PublishComparison(urls: urls, replicas: replicas, seconds: seconds, name: name)
        try await row(
            "publish, one stream, events/s", bare: { try publishing.publishBare(writers: 1, streamsOfWriter: 1) },
            ours: { try await publishing.publish(calls: 1, streamsOfCall: 1) })
        try await row(
            "publish, 1,000 streams, 4 batches at once, events/s",
            bare: { try publishing.publishBare(writers: 4, streamsOfWriter: 250) },
            ours: { try await publishing.publish(calls: 1, streamsOfCall: 1000) })
        let log = "read the log, events/s (bare: direct gets)"
        let subscription = "subscribe, events/s (bare: ordered consumer)"
        let streams = "read streams of 1,000, events/s (bare: direct gets of the same messages)"
        if [log, subscription, streams].contains(where: table.measures) {
            try await within(table.limit, "filling the logs") {
                try await onOwnThread { try bare.fill(events) }
                try await fill(store, events)
            }
        }
        try await row(log, bare: { try bare.readDirect(events) }, ours: { try await read(store, events) })
        try await row(
            subscription, bare: { try bare.readOrdered(events) }, ours: { try await subscribe(store, events) })
        // Of streams that are longer, each reads the first 1,000 events.
        let subjects = try bare.subjects(matching: "es.\(name).e.*.fill.*", in: "ES_" + name)
        try await row(
            streams, bare: { try bare.readSubjects(subjects, in: "ES_" + name) },
            ours: { try await readStreams(store, subjects.count) })
        let sources = try SourceComparison(urls: urls, replicas: replicas, events: events, name: name)
        try await sources.run(beside: bare, table)
        await store.close()
        try bare.remove(also: "ES_" + name, "BUS_" + name, "BUSBARE_" + name, sources.stream)
    }

    private var table: ComparisonTable { ComparisonTable(rounds: 3, only: only) }

    private func row(
        _ what: String, bare: @escaping @Sendable () throws -> Double,
        ours: @escaping @Sendable () async throws -> Double
    ) async throws {
        try await table.row(what, bare: { try await onOwnThread(bare) }, ours: ours)
    }

    private func append(to store: JetStreamEventStore, writers: Int, batch: Int) async throws -> Double {
        let begun = ContinuousClock.now
        let deadline = begun + .seconds(seconds)
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    let stream = try StreamName("writer-\(writer)-\(UInt64.random(in: 0 ... .max))")
                    var version: StreamVersion?
                    var count = 0
                    while ContinuousClock.now < deadline {
                        let events = (0..<batch).map { _ in NewEvent(type: "filled", data: Self.payload) }
                        version = try await store.append(
                            events, to: stream, expecting: version.map { .version($0) } ?? .noStream
                        ).version
                        count += batch
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(count) / (ContinuousClock.now - begun).inSeconds
    }

    private func fill(_ store: JetStreamEventStore, _ events: Int) async throws {
        for number in 0..<events / 1000 {
            try await store.append(
                (0..<1000).map { _ in NewEvent(type: "filled", data: Self.payload) },
                to: StreamName("fill-\(number % 100)"))
        }
    }

    private func read(_ store: JetStreamEventStore, _ events: Int) async throws -> Double {
        let begun = ContinuousClock.now
        var count = 0
        for try await _ in store.events(pageSize: 5000) {
            count += 1
            if count == events { break }
        }
        return Double(count) / (ContinuousClock.now - begun).inSeconds
    }

    private func readStreams(_ store: JetStreamEventStore, _ streams: Int) async throws -> Double {
        try await eventsPerSecond(streams * 1000) {
            for number in 0..<streams {
                let page = try await store.readPage(
                    of: StreamName("fill-\(number)"), from: .start, direction: .forward, limit: 1000)
                guard page.events.count == 1000 else {
                    throw BareClient.Failure(what: "fill-\(number) has \(page.events.count) events")
                }
            }
        }
    }

    private func subscribe(_ store: JetStreamEventStore, _ events: Int) async throws -> Double {
        let begun = ContinuousClock.now
        var count = 0
        for try await item in store.subscribe(pageSize: 1000) {
            guard case .event = item else { continue }
            count += 1
            if count == events { break }
        }
        return Double(count) / (ContinuousClock.now - begun).inSeconds
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
