import DaybookClient
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import StoreTrials
import Synchronization
import Testing

@Suite("A server that is stopped and started again under load", .timeLimit(.minutes(5)))
struct ServerRestartTests {
    /// What became of an append that cannot be asked for again.
    private struct Ledger {
        var acknowledged: Set<EventID> = []
        var unknown: Set<EventID> = []
        var refused: Set<EventID> = []
    }

    private final class Notes: Sendable {
        let ledger = Mutex(Ledger())
        /// How many appends at expected versions were acknowledged.
        let done = Mutex(0)
    }

    @Test("loses nothing that was acknowledged, and doubles nothing")
    func restarts() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-\(EventID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/log.daybook"
        var store = try await SQLiteEventStore.open(file)
        var server = try await TestServer.start(store)
        let port = server.port
        let client = try DaybookClient.connect(to: server.address)
        let notes = Notes()
        let isOver = Flag()

        let writers = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        let stream = StreamName(unchecked: "versioned-\(writer)")
                        var version: StreamVersion?
                        while !isOver.isSet {
                            let next = version?.next ?? .first
                            let event = NewEvent(type: "noted", data: Array("\(next)".utf8))
                            let result = try await client.append(
                                [event], to: stream, expecting: version.map { ExpectedVersion.version($0) } ?? .noStream
                            )
                            #expect(result.version == next)
                            version = next
                            notes.done.withLock { $0 += 1 }
                        }
                    }
                    group.addTask {
                        let stream = StreamName(unchecked: "commanded-\(writer)")
                        var number = 0
                        while !isOver.isSet {
                            let event = NewEvent(type: "noted", data: Array("\(number)".utf8))
                            try await client.append(
                                [event], to: stream, commandID: CommandID(unchecked: "note-\(writer)-\(number)"))
                            number += 1
                        }
                    }
                    group.addTask {
                        let stream = StreamName(unchecked: "loose-\(writer)")
                        while !isOver.isSet {
                            let event = NewEvent(type: "noted", data: [1])
                            do throws(AppendError) {
                                try await client.append([event], to: stream)
                                notes.ledger.withLock { _ = $0.acknowledged.insert(event.id) }
                            } catch {
                                notes.ledger.withLock { ledger in
                                    if case .storageFailed(_, mayBeWritten: true) = error {
                                        _ = ledger.unknown.insert(event.id)
                                    } else {
                                        _ = ledger.refused.insert(event.id)
                                    }
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }

        for _ in 0..<4 {
            let before = notes.done.withLock { $0 }
            try await eventually("appends are acknowledged") { notes.done.withLock { $0 } > before + 100 }
            await server.stop()
            await store.close()
            store = try await SQLiteEventStore.open(file)
            server = try await TestServer.start(store, port: port)
        }
        let before = notes.done.withLock { $0 }
        try await eventually("appends are acknowledged") { notes.done.withLock { $0 } > before + 100 }
        isOver.set()
        try await writers.value
        await client.close()

        var counts: [EventID: Int] = [:]
        var next: [StreamName: Int] = [:]
        for try await event in store.events() {
            counts[event.id, default: 0] += 1
            guard event.stream.category != "loose" else { continue }
            let number = next[event.stream, default: 0]
            #expect(Array(event.data) == Array("\(number)".utf8), "event \(event.position) of '\(event.stream)'")
            next[event.stream] = number + 1
        }
        #expect(counts.values.allSatisfy { $0 == 1 })
        let entries = notes.ledger.withLock { $0 }
        #expect(entries.acknowledged.allSatisfy { counts[$0] == 1 })
        #expect(entries.refused.allSatisfy { counts[$0] == nil })
        await server.stop()
        await store.close()
    }
}
