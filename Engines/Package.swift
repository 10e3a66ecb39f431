// swift-tools-version: 6.2
import PackageDescription

// The tests and measurements of what stands on other systems: a package of its own, so that the library's tests need none of
// them. `make test-engines` starts the systems, and runs the tests.

/// `DAYBOOK_STRICT=1` turns every warning in this package's own code into an error; CI sets it.
let strict = Context.environment["DAYBOOK_STRICT"] == "1"

let swiftSettings: [SwiftSetting] =
    [.enableUpcomingFeature("ExistentialAny")] + (strict ? [.treatAllWarnings(as: .error)] : [])

func daybook(_ names: String...) -> [Target.Dependency] { names.map { .product(name: $0, package: "daybook") } }

let nio: [Target.Dependency] = ["NIOCore", "NIOPosix", "NIOHTTP1"].map { .product(name: $0, package: "swift-nio") }

let package = Package(
    name: "daybook-engines",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(
            name: "daybook", path: "..",
            traits: ["Postgres", "JetStream", "Kafka", "Kinesis", "Webhook", "Server", "Client"]),
        .package(name: "exchange", path: "../Examples/Exchange", traits: ["Postgres", "JetStream", "Client"]),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
    ],
    targets: [
        .testTarget(
            name: "DaybookPostgresTests",
            dependencies: daybook("DaybookPostgres", "DaybookSQLite", "DaybookCore", "Daybook", "DaybookTesting")
                + ["StoreTrials"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookJetStreamTests",
            dependencies: daybook("DaybookJetStream", "DaybookSQLite", "DaybookCore", "Daybook", "DaybookTesting")
                + ["StoreTrials", "BusTesting", "JetStreamUntilKilled"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookKafkaTests",
            dependencies: daybook("DaybookKafka", "DaybookCore", "Daybook") + ["BusTesting", "KafkaUntilKilled"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookKinesisTests",
            dependencies: daybook("DaybookKinesis", "DaybookCore", "Daybook")
                + ["ScriptedServer", "BusTesting", "KinesisUntilKilled"] + nio,
            exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookWebhookTests",
            dependencies: daybook("DaybookWebhook", "DaybookCore", "Daybook") + ["ScriptedServer"] + nio,
            exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookServerTests",
            dependencies: daybook("DaybookServer", "DaybookClient", "DaybookSQLite", "DaybookCore", "Daybook") + nio
                + [
                    .product(name: "NIOEmbedded", package: "swift-nio"),
                    .product(name: "AsyncHTTPClient", package: "async-http-client"),
                    .product(name: "HTTPTypes", package: "swift-http-types"),
                    .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                    .product(name: "Crypto", package: "swift-crypto"),
                ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookClientTests",
            dependencies: daybook(
                "DaybookClient", "DaybookServer", "DaybookSQLite", "DaybookCore", "Daybook", "DaybookTesting")
                + ["StoreTrials"] + nio
                + [
                    .product(name: "AsyncHTTPClient", package: "async-http-client"),
                    .product(name: "Crypto", package: "swift-crypto"),
                ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: daybook("DaybookKafka", "DaybookJetStream", "DaybookWebhook", "DaybookCore", "Daybook")
                + ["BusTesting"],
            path: "Tests/EndToEnd", swiftSettings: swiftSettings),
        // Sends to Kafka, or takes from it, until it is killed; run by tests alone.
        .executableTarget(
            name: "KafkaUntilKilled", dependencies: daybook("DaybookKafka", "Daybook") + ["BusTesting"],
            path: "Tests/KafkaUntilKilled", swiftSettings: swiftSettings),
        // The same with a JetStream stream.
        .executableTarget(
            name: "JetStreamUntilKilled", dependencies: daybook("DaybookJetStream", "Daybook") + ["BusTesting"],
            path: "Tests/JetStreamUntilKilled", swiftSettings: swiftSettings),
        // Takes from a Kinesis stream until it is killed.
        .executableTarget(
            name: "KinesisUntilKilled",
            dependencies: daybook("DaybookKinesis", "DaybookSQLite", "Daybook") + ["BusTesting"],
            path: "Tests/KinesisUntilKilled", swiftSettings: swiftSettings),
        // What tests of targets and sources have in common.
        .target(
            name: "BusTesting", dependencies: daybook("Daybook", "DaybookCore"), path: "Tests/BusTesting",
            swiftSettings: swiftSettings),
        // The programs `daybook` and `exchange`, and a day of the exchange, for the tests of every store.
        .target(
            name: "StoreTrials",
            dependencies: daybook("DaybookSQLite", "DaybookCore", "Daybook", "daybook") + [
                .product(name: "Exchange", package: "exchange"), .product(name: "exchange", package: "exchange"),
            ],
            path: "Tests/StoreTrials", swiftSettings: swiftSettings),
        // An HTTP server that answers as a test says.
        .target(
            name: "ScriptedServer", dependencies: nio, path: "Tests/ScriptedServer", swiftSettings: swiftSettings),
        // Each measures one of them beside a bare client of the same system, in one run.
        .executableTarget(
            name: "PostgresBenchmark", dependencies: daybook("DaybookPostgres", "DaybookCore"),
            path: "Benchmarks/PostgresBenchmark", swiftSettings: swiftSettings),
        .executableTarget(
            name: "JetStreamBenchmark",
            dependencies: daybook("DaybookJetStream", "DaybookCore", "Daybook") + ["SideBySide"],
            path: "Benchmarks/JetStreamBenchmark", swiftSettings: swiftSettings),
        .executableTarget(
            name: "KafkaBenchmark", dependencies: daybook("DaybookKafka", "DaybookCore", "Daybook") + ["SideBySide"],
            path: "Benchmarks/KafkaBenchmark", swiftSettings: swiftSettings),
        .executableTarget(
            name: "HTTPBenchmark",
            dependencies: daybook("DaybookWebhook", "DaybookKinesis", "DaybookCore", "Daybook")
                + ["ScriptedServer", "SideBySide"] + nio
                + [.product(name: "AsyncHTTPClient", package: "async-http-client")],
            path: "Benchmarks/HTTPBenchmark", swiftSettings: swiftSettings),
        .executableTarget(
            name: "ClientBenchmark",
            dependencies: daybook("DaybookClient", "DaybookServer", "DaybookSQLite", "DaybookCore"),
            path: "Benchmarks/ClientBenchmark", swiftSettings: swiftSettings),
        // Rounds in turn with a bare client, in a table, and within a time.
        .target(
            name: "SideBySide", dependencies: daybook("Daybook"), path: "Benchmarks/SideBySide",
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)
