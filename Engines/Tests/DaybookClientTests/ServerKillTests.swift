import DaybookClient
import DaybookCore
import DaybookSQLite
import Foundation
import StoreTrials
import Synchronization
import Testing

/// `daybook serve` in a process of its own, killed again and again while many append through the client; what they were told is
/// held against the file in the end. SERVER_KILLS says how often it is killed.
@Suite("A server that is killed under load", .serialized, .timeLimit(.minutes(30)))
struct ServerKillTests {
    private static let kills = Int(ProcessInfo.processInfo.environment["SERVER_KILLS"] ?? "5") ?? 5

    /// A server that runs, on a port that it is started on again.
    private struct Served {
        let process: BuiltProgram.Running
        let port: Int

        static func start(_ program: BuiltProgram, _ file: String, port: Int = 0) async throws -> Served {
            let process = try program.start("serve", file, "--insecure", "--port", String(port))
            var listening: Int?
            try await eventually("the server listens") {
                listening = Self.port(in: process.complained)
                return listening != nil
            }
            return Served(process: process, port: try #require(listening, "\(process.complained)"))
        }

        /// `Serving on 127.0.0.1:2113. Connect by …`
        private static func port(in text: String) -> Int? {
            guard let start = text.range(of: "Serving on 127.0.0.1:") else { return nil }
            let digits = text[start.upperBound...].prefix { $0.isNumber }
            return text[digits.endIndex...].hasPrefix(".") ? Int(digits) : nil
        }

        func kill() async throws {
            process.send(SIGKILL)
            let outcome = try await process.outcome()
            #expect(outcome.status == -1, "It ended before it was killed: \(outcome.errors)")
        }
    }

    /// What a subscription delivered, in order.
    private final class Followed: Sendable {
        private let positions = Mutex<[Position]>([])

        var all: [Position] { positions.withLock { $0 } }

        /// Follows to no end, by one subscription.
        func follow(_ store: some EventStore) async throws {
            for try await item in store.subscribe(filter: .everything) { note(item) }
        }

        /// Follows by a subscription that begins anew behind the last event after every few.
        func followInPieces(_ store: some EventStore) async throws {
            while !Task.isCancelled {
                var count = 0
                for try await item in store.subscribe(after: all.last ?? .start, filter: .everything) {
                    note(item)
                    count += 1
                    if count > 200 { break }
                }
            }
        }

        private func note(_ item: SubscriptionItem) {
            guard case .event(let event) = item else { return }
            positions.withLock { $0.append(event.position) }
        }
    }

    @Test("loses nothing that was acknowledged, doubles nothing, and its followers skip nothing")
    func killed() async throws {
        let program = try BuiltProgram("daybook")
        let file = program.file("log.daybook")
        var server = try await Served.start(program, file)
        defer { server.process.send(SIGKILL) }
        let address = TestServer.address(server.port)
        let clients = [try DaybookClient.connect(to: address), try DaybookClient.connect(to: address)]
        let writers = LoadWriters(mayRepeat: true)
        let followed = Followed()
        let inPieces = Followed()
        let following = [
            Task { [client = clients[0]] in try await followed.follow(client) },
            Task { [client = clients[1]] in try await inPieces.followInPieces(client) },
        ]
        defer { for task in following { task.cancel() } }

        try await writers.run(on: clients) {
            for _ in 0..<Self.kills {
                try await writers.waitForAppends(100)
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...300)))
                try await server.kill()
                server = try await Served.start(program, file, port: server.port)
            }
            try await writers.waitForAppends(100)
        }
        let log = try await Self.log(clients[0])
        try await eventually("the followers have everything") {
            followed.all.count >= log.count && inPieces.all.count >= log.count
        }
        #expect(followed.all == log.map(\.position))
        #expect(inPieces.all == log.map(\.position))
        for task in following { task.cancel() }
        for task in following { _ = await task.result }
        for client in clients { await client.close() }
        try await server.kill()

        // What is in the file, seen without a server.
        let store = try await SQLiteEventStore.open(file)
        #expect(try await Self.log(store).map(\.id) == log.map(\.id))
        await store.close()
        let appends = writers.appends
        let violations = appends.violations(in: log)
        #expect(violations.isEmpty, "\(violations.count), such as \(violations.prefix(5))")
        #expect(appends.missed(in: log) == [], "What is planted in what was recorded has to be found.")
        print(
            "\(Self.kills) kills: \(appends.told.count) appends acknowledged, \(appends.unknown.count) unknown, "
                + "\(log.count) events in the log")
    }

    private static func log(_ store: some EventStore) async throws -> [RecordedEvent] {
        var log: [RecordedEvent] = []
        for try await event in store.events(filter: .everything, pageSize: 1000) { log.append(event) }
        return log
    }
}
