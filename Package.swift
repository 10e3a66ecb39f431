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
        .executable(name: "daybook", targets: ["DaybookCommand"]),
    ],
    dependencies: [
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
        // What an application's own tests need, and the laws of every store.
        .target(
            name: "DaybookTesting", dependencies: ["DaybookCore", "Daybook"], swiftSettings: swiftSettings),
        // The command line: `swift run daybook`.
        .executableTarget(
            name: "DaybookCommand",
            dependencies: [
                "DaybookCore", "Daybook", "DaybookSQLite",
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
            name: "DaybookFuzz", dependencies: ["DaybookCommand", "DaybookCore", "Daybook", "DaybookSQLite"],
            path: "Tests/Fuzzing", exclude: ["corpus", "dictionary.txt"],
            swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])]))
}
