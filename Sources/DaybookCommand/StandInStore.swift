import DaybookCore
import Foundation
import Synchronization

enum OpenError: Error, Equatable, CustomStringConvertible {
    case missing(path: String)
    case owned(path: String, processID: Int32?)
    case notADaybook(path: String, reason: String)
    case newerFormat(path: String, found: Int64, known: Int64)
    case logTooShort(path: String, head: Int64, known: Int64, by: String)
    case corrupted(path: String, reason: String)
    case storageFailed(path: String, reason: String)
    var description: String { "\(self as Any)" }
}
struct VerificationFinding: Sendable, Codable {
    var position: Position?
    var stream: StreamName?
    var description: String
}
struct VerificationReport: Sendable, Codable {
    var eventsChecked: Int64
    var findings: [VerificationFinding]
}
struct StoreStatistics: Sendable, Codable {
    var path: String
    var fileBytes: Int64
    var events: Int64
}

final class SQLiteEventStore: EventStore {
    struct Configuration: Sendable {
        var createsFile = true
        init() {}
    }
    let memory = InMemoryEventStore()
    let path: String?
    init(path: String?) { self.path = path }
    static func open(_ path: String, configuration: Configuration = Configuration()) async throws(OpenError)
        -> SQLiteEventStore
    {
        if !configuration.createsFile, !FileManager.default.fileExists(atPath: path) { throw .missing(path: path) }
        let store = SQLiteEventStore(path: path)
        if FileManager.default.fileExists(atPath: path) {
            do {
                var importer = LogImport(store: store.memory, skipsBadLines: false)
                _ = try await importer.run(EventLineSource(ByteSource.open(path)))
            } catch { throw .notADaybook(path: path, reason: "\(error)") }
        }
        return store
    }
    static func temporary(configuration: Configuration = Configuration()) async throws(OpenError) -> SQLiteEventStore {
        SQLiteEventStore(path: nil)
    }
    func close() async {
        guard let path else { return }
        var data = Data()
        do {
            for try await event in memory.events(from: .start, filter: .everything) {
                data.append(contentsOf: EventLine.encode(event))
            }
            try data.write(to: URL(fileURLWithPath: path))
        } catch {}
    }
    func verify(progress: (@Sendable (_ done: Int64, _ total: Int64) -> Void)?) async throws(ReadError)
        -> VerificationReport
    {
        VerificationReport(eventsChecked: try await memory.head().rawValue, findings: [])
    }
    func reindex(progress: (@Sendable (_ done: Int64, _ total: Int64) -> Void)?) async throws(ReadError) {}
    func statistics() async throws(ReadError) -> StoreStatistics {
        StoreStatistics(path: path ?? "", fileBytes: 0, events: try await memory.head().rawValue)
    }
    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult { try await memory.append(request) }
    func readPage(of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int)
        async throws(ReadError) -> StreamPage
    { try await memory.readPage(of: stream, from: cursor, direction: direction, limit: limit) }
    func readPage(from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int)
        async throws(ReadError) -> LogPage
    { try await memory.readPage(from: cursor, direction: direction, filter: filter, limit: limit) }
    func state(of stream: StreamName) async throws(ReadError) -> StreamState { try await memory.state(of: stream) }
    func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await memory.streams(after: after, limit: limit)
    }
    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await memory.receipt(for: command)
    }
    func head() async throws(ReadError) -> Position { try await memory.head() }
    func head(beyond position: Position) async throws(ReadError) -> Position { try await memory.head(beyond: position) }
}
