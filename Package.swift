// swift-tools-version: 6.2
import PackageDescription

/// `DAYBOOK_STRICT=1` turns every warning in this package's own code into an error; CI sets it.
let strict = Context.environment["DAYBOOK_STRICT"] == "1"

let swiftSettings: [SwiftSetting] =
    [.enableUpcomingFeature("ExistentialAny")] + (strict ? [.treatAllWarnings(as: .error)] : [])

/// `DAYBOOK_DOCS=1` adds the plugin behind `make docs`, which nobody who uses the library should have to fetch.
let docs = Context.environment["DAYBOOK_DOCS"] == "1"

let package = Package(
    name: "daybook",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "DaybookCore", targets: ["DaybookCore"]),
        .library(name: "Daybook", targets: ["Daybook"]),
        .library(name: "DaybookSQLite", targets: ["DaybookSQLite"]),
        .library(name: "DaybookGRDB", targets: ["DaybookGRDB"]),
        .library(name: "DaybookTesting", targets: ["DaybookTesting"]),
        .library(name: "DaybookPostgres", targets: ["DaybookPostgres"]),
        .library(name: "DaybookJetStream", targets: ["DaybookJetStream"]),
        .library(name: "DaybookKafka", targets: ["DaybookKafka"]),
        .library(name: "DaybookKinesis", targets: ["DaybookKinesis"]),
        .library(name: "DaybookWebhook", targets: ["DaybookWebhook"]),
        .library(name: "DaybookServer", targets: ["DaybookServer"]),
        .library(name: "DaybookClient", targets: ["DaybookClient"]),
        .executable(name: "daybook", targets: ["DaybookCommand"]),
    ],
    traits: [
        .trait(name: "Postgres", description: "DaybookPostgres: a store on PostgreSQL; needs libpq."),
        .trait(name: "JetStream", description: "DaybookJetStream: a store and a bus on NATS JetStream; needs libnats."),
        .trait(name: "Kafka", description: "DaybookKafka: events to and from Kafka; needs librdkafka."),
        .trait(name: "Kinesis", description: "DaybookKinesis: events to and from Amazon Kinesis."),
        .trait(name: "Webhook", description: "DaybookWebhook: events to and from other programs over HTTP."),
        .trait(
            name: "Server",
            description:
                "DaybookServer: a store as a server, for KurrentDB's clients and HTTP; needs libsodium, libnghttp2."),
        .trait(name: "Client", description: "DaybookClient: a store on a Daybook server."),
    ],
    dependencies: [
        // Fetched for the traits that need them, and by nobody else.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ] + (docs ? [.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0")] : []),
    targets: [
        // The contract in bytes, and the in-memory store that shows it by example.
        .target(name: "DaybookCore", swiftSettings: swiftSettings),
        // The model in types: deciders, command handlers, projections.
        .target(name: "Daybook", dependencies: ["DaybookCore"], swiftSettings: swiftSettings),
        // The embedded store.
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "CDaybookSQLite", dependencies: ["CSQLite"]),
        .target(
            name: "DaybookSQLite", dependencies: ["DaybookCore", "CSQLite", "CDaybookSQLite"],
            swiftSettings: swiftSettings),
        // Read models in tables of the application's own, by SQL.
        .target(
            name: "DaybookGRDB",
            dependencies: ["DaybookCore", "Daybook", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: swiftSettings),
        // Other systems. Without its trait each of these is empty, and needs no library; their tests are in `Engines`.
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .target(
            name: "DaybookPostgres",
            dependencies: ["DaybookCore", .target(name: "CPostgres", condition: .when(traits: ["Postgres"]))],
            swiftSettings: swiftSettings),
        .systemLibrary(name: "CNATS", pkgConfig: "libnats", providers: [.apt(["libnats-dev"])]),
        .target(
            name: "DaybookJetStream",
            dependencies: ["DaybookCore", "Daybook", .target(name: "CNATS", condition: .when(traits: ["JetStream"]))],
            swiftSettings: swiftSettings),
        .systemLibrary(
            name: "CRDKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"]), .brew(["librdkafka"])]),
        .target(
            name: "DaybookKafka",
            dependencies: ["DaybookCore", "Daybook", .target(name: "CRDKafka", condition: .when(traits: ["Kafka"]))],
            swiftSettings: swiftSettings),
        .target(
            name: "DaybookKinesis",
            dependencies: [
                "DaybookCore", "Daybook",
                .product(name: "AsyncHTTPClient", package: "async-http-client", condition: .when(traits: ["Kinesis"])),
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Kinesis"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Kinesis"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Kinesis"])),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "DaybookWebhook",
            dependencies: [
                "DaybookCore", "Daybook",
                .product(name: "AsyncHTTPClient", package: "async-http-client", condition: .when(traits: ["Webhook"])),
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Webhook"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Webhook"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Webhook"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Webhook"])),
            ],
            swiftSettings: swiftSettings),
        // The messages of KurrentDB's clients; nothing but generated code.
        .target(
            name: "KurrentProtocol",
            dependencies: [
                .product(name: "SwiftProtobuf", package: "swift-protobuf", condition: .when(traits: ["Server"]))
            ],
            exclude: ["Protos"], swiftSettings: swiftSettings),
        // What DaybookClient and DaybookServer say to each other, in bytes.
        .target(
            name: "DaybookProtocol", dependencies: ["DaybookCore"], exclude: ["Protos"], swiftSettings: swiftSettings),
        // A store on a Daybook server.
        .target(
            name: "DaybookClient",
            dependencies: [
                "DaybookCore", "DaybookProtocol",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Client"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Client"])),
                .product(name: "NIOHTTP2", package: "swift-nio-http2", condition: .when(traits: ["Client"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Client"])),
                .product(
                    name: "Instrumentation", package: "swift-distributed-tracing", condition: .when(traits: ["Client"])),
            ],
            swiftSettings: swiftSettings),
        // A store as a server.
        .systemLibrary(
            name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]),
        .systemLibrary(
            name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"]), .brew(["libnghttp2"])]),
        .target(
            name: "DaybookServer",
            dependencies: [
                "DaybookCore", "Daybook", "KurrentProtocol", "DaybookProtocol",
                .target(name: "CSodium", condition: .when(traits: ["Server"])),
                .target(name: "CNGHTTP2", condition: .when(traits: ["Server"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Server"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Server"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Server"])),
                .product(name: "JWTKit", package: "jwt-kit", condition: .when(traits: ["Server"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Server"])),
                .product(name: "NIOExtras", package: "swift-nio-extras", condition: .when(traits: ["Server"])),
                .product(name: "SwiftProtobuf", package: "swift-protobuf", condition: .when(traits: ["Server"])),
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Server"])),
                .product(name: "Configuration", package: "swift-configuration", condition: .when(traits: ["Server"])),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle", condition: .when(traits: ["Server"])),
                .product(name: "Tracing", package: "swift-distributed-tracing", condition: .when(traits: ["Server"])),
                .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Server"])),
                .product(name: "HummingbirdCore", package: "hummingbird", condition: .when(traits: ["Server"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Server"])),
            ],
            swiftSettings: swiftSettings),
        // What an application's own tests need, and the laws of every store.
        .target(
            name: "DaybookTesting", dependencies: ["DaybookCore", "Daybook"], swiftSettings: swiftSettings),
        // The command line: `swift run daybook`.
        .executableTarget(
            name: "DaybookCommand",
            dependencies: [
                "DaybookCore", "Daybook", "DaybookSQLite", "DaybookProtocol",
                .target(name: "DaybookPostgres", condition: .when(traits: ["Postgres"])),
                .target(name: "DaybookJetStream", condition: .when(traits: ["JetStream"])),
                .target(name: "DaybookServer", condition: .when(traits: ["Server"])),
                .target(name: "DaybookClient", condition: .when(traits: ["Client"])),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle", condition: .when(traits: ["Server"])),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings),
        // A SQLite file system that breaks on purpose; used by tests alone.
        .target(name: "CFaultFileSystem", dependencies: ["CSQLite"]),
        // Follows a log into SQL tables until it is killed; run by tests alone.
        .executableTarget(
            name: "FollowUntilKilled", dependencies: ["DaybookGRDB", "DaybookSQLite", "CFaultFileSystem"],
            path: "Tests/FollowUntilKilled", swiftSettings: swiftSettings),
        // A store for the scripts that break it; run by them alone.
        .executableTarget(
            name: "StoreUnderFaults", dependencies: ["DaybookCore", "DaybookSQLite", "CDaybookSQLite"],
            path: "Tests/StoreUnderFaults", swiftSettings: swiftSettings),
        // Uses the embedded store by many clients at once, also until it is killed, and checks what it answered.
        .executableTarget(
            name: "CheckHistories",
            dependencies: [
                "DaybookCore", "DaybookSQLite", "DaybookTesting", "CFaultFileSystem",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/CheckHistories", swiftSettings: swiftSettings),
        // A store over a disk in memory, driven by a seed; `make simulate` runs many seeds, the tests some.
        .target(
            name: "StoreSimulation", dependencies: ["DaybookCore", "DaybookSQLite", "CFaultFileSystem", "CSQLite"],
            path: "Tests/StoreSimulation", swiftSettings: swiftSettings),
        .executableTarget(
            name: "Simulate",
            dependencies: ["StoreSimulation", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Simulate", swiftSettings: swiftSettings),
        .testTarget(
            name: "StoreSimulationTests", dependencies: ["StoreSimulation", "CFaultFileSystem", "CSQLite"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookCoreTests", dependencies: ["DaybookCore", "DaybookTesting"], swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookProtocolTests", dependencies: ["DaybookProtocol", "DaybookCore", "DaybookTesting"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookTests", dependencies: ["Daybook", "DaybookSQLite", "DaybookTesting"],
            exclude: ["Documentation/schema.lock.json"], swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookSQLiteTests",
            dependencies: [
                "DaybookSQLite", "Daybook", "DaybookTesting", "CFaultFileSystem", "CDaybookSQLite", "CSQLite",
                "CheckHistories",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookGRDBTests",
            dependencies: ["DaybookGRDB", "DaybookSQLite", "DaybookTesting", "FollowUntilKilled", "CFaultFileSystem"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "DaybookCommandTests",
            dependencies: ["DaybookCommand", "DaybookCore", "Daybook", "DaybookSQLite", "DaybookTesting"],
            swiftSettings: swiftSettings),
        // The samples of the README and of docs/, compiled and run.
        .testTarget(
            name: "DocumentationTests", dependencies: ["DaybookCore", "Daybook", "DaybookSQLite"],
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)

/// `DAYBOOK_FUZZ=1` makes a package of the library and the program behind `make fuzz`. That has libFuzzer's entry point and
/// no other, so that the command line becomes a library, without its own; and neither can be linked in a normal build.
if Context.environment["DAYBOOK_FUZZ"] == "1" {
    package.products.removeAll { $0.name == "daybook" }
    package.targets.removeAll { $0.type == .test }
    package.targets = package.targets.map { target in
        guard target.name == "DaybookCommand" else { return target }
        return .target(
            name: target.name, dependencies: target.dependencies, exclude: ["DaybookCommand.swift"],
            swiftSettings: swiftSettings)
    }
    package.targets.append(
        .executableTarget(
            name: "DaybookFuzz",
            dependencies: [
                "DaybookCommand", "DaybookCore", "Daybook", "DaybookSQLite", "DaybookProtocol",
                .target(name: "DaybookServer", condition: .when(traits: ["Server"])),
                .target(name: "KurrentProtocol", condition: .when(traits: ["Server"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Server"])),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Server"])),
            ],
            path: "Tests/Fuzzing", exclude: ["corpus", "dictionary.txt"],
            swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])]))
}
