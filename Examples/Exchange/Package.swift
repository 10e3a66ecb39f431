// swift-tools-version: 6.2
import PackageDescription

/// `DAYBOOK_STRICT=1` turns every warning in this package's own code into an error; CI sets it.
let strict = Context.environment["DAYBOOK_STRICT"] == "1"

let swiftSettings: [SwiftSetting] =
    [.enableUpcomingFeature("ExistentialAny")] + (strict ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
    name: "exchange",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Exchange", targets: ["Exchange"]),
        .executable(name: "exchange", targets: ["ExchangeCommand"]),
    ],
    traits: [
        .trait(name: "Postgres", description: "Stores on PostgreSQL, too: --store postgres://…; needs libpq."),
        .trait(name: "JetStream", description: "Stores on NATS JetStream, too: --store jetstream://…; needs libnats."),
        .trait(name: "Client", description: "Stores on a Daybook server, too: --store daybook://…."),
    ],
    dependencies: [
        .package(
            name: "daybook", path: "../..",
            traits: [
                .defaults, .trait(name: "Postgres", condition: .when(traits: ["Postgres"])),
                .trait(name: "JetStream", condition: .when(traits: ["JetStream"])),
                .trait(name: "Client", condition: .when(traits: ["Client"])),
            ]),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The domain: books, accounts, order flow, read models. It knows the contract and the model, and no store.
        .target(
            name: "Exchange",
            dependencies: [
                .product(name: "Daybook", package: "daybook"), .product(name: "DaybookCore", package: "daybook"),
            ],
            swiftSettings: swiftSettings),
        // Statistics in SQL tables of their own.
        .target(
            name: "ExchangeStatistics",
            dependencies: [
                "Exchange", .product(name: "Daybook", package: "daybook"),
                .product(name: "DaybookCore", package: "daybook"), .product(name: "DaybookGRDB", package: "daybook"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: swiftSettings),
        // The command line: `swift run exchange`.
        .executableTarget(
            name: "ExchangeCommand",
            dependencies: [
                "Exchange", "ExchangeStatistics", .product(name: "DaybookSQLite", package: "daybook"),
                .product(name: "DaybookPostgres", package: "daybook", condition: .when(traits: ["Postgres"])),
                .product(name: "DaybookJetStream", package: "daybook", condition: .when(traits: ["JetStream"])),
                .product(name: "DaybookClient", package: "daybook", condition: .when(traits: ["Client"])),
                .product(name: "DaybookGRDB", package: "daybook"), .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ExchangeTests",
            dependencies: [
                "Exchange", "ExchangeStatistics", .product(name: "DaybookSQLite", package: "daybook"),
                .product(name: "DaybookGRDB", package: "daybook"), .product(name: "DaybookTesting", package: "daybook"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            exclude: ["Fixtures"],
            swiftSettings: swiftSettings),
        // The command as a process of its own.
        .testTarget(
            name: "ExchangeCommandTests",
            dependencies: [
                "Exchange", "ExchangeCommand", .product(name: "DaybookCore", package: "daybook"),
                .product(name: "DaybookSQLite", package: "daybook"),
            ],
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)
