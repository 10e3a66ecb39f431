// swift-tools-version: 6.2
import PackageDescription

// The tests and measurements of what needs other systems. `make test-engines` starts those, and runs the tests.

/// `DAYBOOK_STRICT=1` turns every warning in this package's own code into an error; CI sets it.
let strict = Context.environment["DAYBOOK_STRICT"] == "1"

let swiftSettings: [SwiftSetting] =
    [.enableUpcomingFeature("ExistentialAny")] + (strict ? [.treatAllWarnings(as: .error)] : [])

func daybook(_ names: String...) -> [Target.Dependency] { names.map { .product(name: $0, package: "daybook") } }

func nio(_ names: String...) -> [Target.Dependency] { names.map { .product(name: $0, package: "swift-nio") } }

let package = Package(
    name: "daybook-engines",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "daybook", path: "..", traits: ["Postgres", "JetStream", "Kafka", "Kinesis", "Webhook"]),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.100.0"),
    ],
    targets: [
        .testTarget(
            name: "DaybookPostgresTests",
            dependencies: daybook("DaybookPostgres", "DaybookCore", "Daybook", "DaybookTesting"),
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookJetStreamTests", dependencies: daybook("DaybookJetStream", "DaybookCore", "DaybookTesting"),
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookKafkaTests",
            dependencies: daybook("DaybookKafka", "DaybookCore", "Daybook") + ["KafkaUntilKilled"],
            swiftSettings: swiftSettings),
        // Sends to Kafka, or takes from it, until it is killed; run by tests alone.
        .executableTarget(
            name: "KafkaUntilKilled", dependencies: daybook("DaybookKafka", "Daybook"), path: "Tests/KafkaUntilKilled",
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)
