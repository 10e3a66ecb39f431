import Daybook
import DaybookJetStream
import Foundation
import SideBySide
import Synchronization

/// The same events of a bus given by the source and pulled by a bare client, in one lane and in several at once.
struct SourceComparison: Sendable {
    private let servers: JetStreamServers
    private let events: Int
    private let publishing: PublishComparison
    private let subjects: JetStreamSubjects
    private let replicas: Int
    let stream: String

    init(urls: String, replicas: Int, events: Int, name: String) throws {
        servers = JetStreamServers(urls)
        self.events = events
        self.replicas = replicas
        publishing = PublishComparison(urls: urls, replicas: replicas, seconds: 0, name: name)
        subjects = try JetStreamSubjects(prefix: "busread." + name)
        stream = "BUSREAD_" + name
    }

    func run(beside bare: BareClient, _ table: ComparisonTable) async throws {
        let one = "bus source, one lane, events/s (bare: a pull consumer)"
        let several = "bus source, \(subjects.partitions) lanes, events/s (bare: as many pull consumers)"
        guard table.measures(one) || table.measures(several) else { return }
        let counts = try await within(table.limit, "filling \(stream)") { try await fill() }
        try await table.row(
            one, bare: { try await onOwnThread { try bare.pull([(subjects.all, events)], of: stream) } },
            ours: {
                try await take(
                    .init(
                        servers: servers, stream: stream, group: Self.newGroup(), filters: [subjects.all],
                        report: { Self.report($0) }))
            })
        try await table.row(
            several,
            bare: {
                let lanes = counts.enumerated().map { (filter: subjects.filter(of: $0.offset), events: $0.element) }
                return try await onOwnThread { try bare.pull(lanes, of: stream) }
            },
            ours: {
                try await take(
                    .init(
                        servers: servers, stream: stream, group: Self.newGroup(), subjects: subjects,
                        report: { Self.report($0) }))
            })
    }

    private func take(_ configuration: JetStreamSource.Configuration) async throws -> Double {
        try await Arrivals.rate(of: JetStreamSource(configuration), events: events)
    }

    private static func newGroup() -> String { "bench-\(UInt64.random(in: 0 ... .max))" }

    private static func report(_ error: JetStreamBusError) {
        FileHandle.standardError.write(Data("\(error)\n".utf8))
    }

    /// Events of 1,000 streams.
    ///
    /// - Returns: How many each partition has.
    private func fill() async throws -> [Int] {
        let target = try JetStreamTarget(
            .init(
                servers: servers, stream: stream, subjects: subjects, creation: .init(replicas: replicas),
                report: { Self.report($0) }))
        var counts = Array(repeating: 0, count: subjects.partitions)
        let acknowledged = Atomic<Int>(0)
        for first in stride(from: 0, to: events, by: 1000) {
            await target.send(
                (first..<min(first + 1000, events)).map { number in
                    let account = "account-\(number % 1000)"
                    counts[subjects.partition(of: account)] += 1
                    return PublisherMessage([publishing.event(number, of: account)], key: account) { answer in
                        if answer == .acknowledged { acknowledged.add(1, ordering: .relaxed) }
                    }
                })
        }
        await target.close()
        let taken = acknowledged.load(ordering: .relaxed)
        guard taken == events else { throw BareClient.Failure(what: "\(taken) of \(events) events were published") }
        return counts
    }
}
