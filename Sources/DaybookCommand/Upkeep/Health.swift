import ArgumentParser
import DaybookCore
import DaybookSQLite
import Foundation

/// `daybook health`: whether a store and what follows it are well.
struct Health: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell how far each consumer is behind, and whether the store is well.",
        discussion: """
            Works on a store that an application has open, too. It tells what is saved in it: of every checkpoint, \
            read model, consumer group (publishers are such) and process manager the position, how many positions are \
            behind it (of events that it wants or not, on JetStream of tags and receipts, too), how long ago the next \
            event was recorded, and what is parked. It tells of a file's disk and write-ahead log, and of the servers \
            that keep a log on JetStream.

            Ends with exit code 3 when something is wrong. With 1, 66, 69, 74 or 77 the store could not be looked at, and \
            nothing is printed, no metrics either: that is an alarm, too. Consumers save every 10,000 positions or so \
            while nothing concerns them: a --max-behind below that raises false alarms.

            A file that nobody has open has the command for its owner while it looks.

            EXAMPLES
              daybook health shop.db
              daybook health shop.db --max-behind 20000 --max-seconds-behind 600 --ignore totals-v1 --json
              daybook health postgres://shop@db1,db2/shop --max-behind 20000
              daybook health --server daybook://shop.example:2113
              cd /var/lib/prometheus/node-exporter
              daybook health /data/shop.db --metrics > shop.new; test -s shop.new && mv shop.new shop.prom
            """)

    @Argument(
        help: ArgumentHelp("The store: the path of a file, or \(StoreAddress.help).", valueName: "store"),
        completion: .file(), transform: StoreAddress.init(orPath:))
    var store: StoreAddress
    /// Only told of here: ``ServerInPlace`` has put it into the place of the store.
    @Option(help: "The store of a server: daybook://HOST:PORT, with ?tls=false without TLS.") var server: String?
    @OptionGroup var options: ServerOptions
    @Option(help: "Positions that a consumer may be behind.") var maxBehind = HealthPolicy().maxEventsBehind
    @Option(help: "Seconds that the next event of a consumer may have waited; any number when left out.")
    var maxSecondsBehind: Double?
    @Option(help: "Parked events or keys that a consumer may have.") var maxParked = 0
    @Option(help: "Bytes that the write-ahead log of a file may have; means nothing for a store on a server.")
    var maxWalBytes = HealthPolicy().maxWALBytes
    @Option(help: "Free bytes below which the application that has a file open refuses appends, as it is set there.")
    var freeSpaceReserve = SQLiteEventStore.Configuration().freeSpaceReserve
    @Option(name: .customLong("ignore"), help: "A consumer that is not judged; may be repeated.")
    var ignored: [String] = []
    @Flag(help: "One JSON object.") var json = false
    @Flag(help: "Metrics in the text format of Prometheus.") var metrics = false

    func validate() throws {
        guard !json || !metrics else { throw ValidationError("Either --json or --metrics.") }
        guard maxBehind >= 0, maxParked >= 0, maxWalBytes >= 0, freeSpaceReserve >= 0 else {
            throw ValidationError("Bounds are 0 or more.")
        }
        guard (0...1e12).contains(maxSecondsBehind ?? 0) else {
            throw ValidationError("--max-seconds-behind is a number from 0 to 1e12; leave it out for any number.")
        }
    }

    func run() async throws {
        let policy = HealthPolicy(
            maxEventsBehind: maxBehind, maxTimeBehind: maxSecondsBehind.map { .seconds($0) }, maxParked: maxParked,
            maxWALBytes: maxWalBytes, ignoredConsumers: Set(ignored))
        let health = try await store.health(
            policy, login: options.login, freeSpaceReserve: freeSpaceReserve)
        let output =
            json
            ? try Self.line(health)
            : Array((metrics ? HealthMetrics(health, of: store.label).text : Self.text(health)).utf8)
        try await StandardOutput.shared.offer(output)
        guard health.isHealthy else {
            let problems =
                health.problems
                + health.consumers.flatMap { consumer in
                    consumer.problems.map { "\(consumer.kind.title) '\(consumer.name)': \($0)" }
                }
            throw CommandFailure(.unhealthy, problems.joined(separator: "\ndaybook: "))
        }
    }

    private static func line(_ health: StoreHealth) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var line = JSONLine()
        line.add("healthy", health.isHealthy)
        line.add("health", raw: try encoder.encode(health))
        return line.finished()
    }

    private static func text(_ health: StoreHealth) -> String {
        var text = "\(health.isHealthy ? "Healthy" : "Not healthy"): head \(health.head)"
        if let file = health.file {
            text +=
                ", write-ahead log \(file.walBytes.byteSize), \(file.freeBytes.map(\.byteSize) ?? "unknown") free, "
                + "\(file.eventsNotIndexed.grouped) events not in the index of the file"
        }
        text += ".\n"
        guard !health.consumers.isEmpty else { return text }
        var table = Table([
            .init(title: "KIND"), .init(title: "CONSUMER"), .init(title: "POSITION", alignment: .right),
            .init(title: "BEHIND", alignment: .right), .init(title: "SECONDS", alignment: .right),
            .init(title: "PARKED", alignment: .right), .init(title: "PROBLEMS"),
        ])
        text += table.text(
            of: health.consumers.map { consumer in
                [
                    consumer.kind.title, consumer.name, consumer.position.rawValue.grouped,
                    consumer.eventsBehind.grouped, consumer.secondsBehind.map { Int64($0).grouped } ?? "",
                    consumer.parked?.grouped ?? "", consumer.problems.joined(separator: " "),
                ]
            })
        return text
    }
}

extension ConsumerHealth.Kind {
    fileprivate var title: String {
        switch self {
        case .checkpoint: "checkpoint"
        case .readModel: "read model"
        case .consumerGroup: "consumer group"
        case .processManager: "process manager"
        }
    }
}
