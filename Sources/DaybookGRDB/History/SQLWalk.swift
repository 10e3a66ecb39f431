import Daybook
import DaybookCore
import GRDB

/// A walk through the events between two positions, which are applied to a scratch database on the way.
struct SQLWalk: Sendable {
    let log: any EventStore
    let filter: EventFilter
    /// Applies one of them.
    let apply: @Sendable (RecordedEvent, Database) throws -> Void

    /// Applies all events, and returns those that changed a value, with what it was before and after.
    func changes<Value: Equatable & Sendable>(
        _ scratch: ScratchDatabase, after start: Position, through end: Position,
        of value: @escaping @Sendable (Database) throws -> Value
    ) async throws -> [SQLValueChange<Value>] {
        var changes: [SQLValueChange<Value>] = []
        var current = try await scratch.read { db in try SQLHistoryError.query { try value(db) } }
        var pages = try await LogPages(of: log, filter, after: .position(start), through: .position(end))
        while let page = try await pages.next() {
            let (events, first) = (Array(page), current)
            let found = try await scratch.write { [apply] db in
                var (found, before) = ([SQLValueChange<Value>](), first)
                for event in events {
                    let count = db.totalChangesCount
                    try apply(event, db)
                    guard db.totalChangesCount != count else { continue }
                    let after = try SQLHistoryError.query { try value(db) }
                    if after != before { found.append(SQLValueChange(event: event, before: before, after: after)) }
                    before = after
                }
                return found
            }
            changes += found
            current = found.last?.after ?? current
        }
        return changes
    }

    /// Applies all events, and tells of each of several values which events changed it.
    ///
    /// Values are looked at after every ``chunk`` events; only where one is another than before, the events are applied once
    /// more, one by one. A change that was undone within a chunk is therefore not told.
    ///
    /// - Parameters:
    ///   - count: How many values there are.
    ///   - note: Told of each change: the value's number, the event, and what the value is after it.
    func changes<Value: Equatable & Sendable>(
        _ scratch: ScratchDatabase, after start: Position, through end: Position, count: Int,
        of value: @escaping @Sendable (Int, Database) throws -> Value,
        note: (Int, RecordedEvent, Value) -> Void
    ) async throws {
        guard count > 0 else { return }
        let query: @Sendable (Int, Database) throws -> Value = { index, db in
            try SQLHistoryError.query { try value(index, db) }
        }
        var current = try await scratch.read { db in try (0..<count).map { try query($0, db) } }
        var pages = try await LogPages(
            of: log, filter, after: .position(start), through: .position(end), pageSize: Self.chunk)
        while let page = try await pages.next() {
            let (events, before) = (Array(page), current)
            guard !events.isEmpty else { continue }
            let found = try await scratch.write { [apply] db in
                var changed: [Int] = []
                try db.inSavepoint {
                    for event in events { try apply(event, db) }
                    for index in 0..<count where try query(index, db) != before[index] { changed.append(index) }
                    return changed.isEmpty ? .commit : .rollback
                }
                var found: [(Int, RecordedEvent, Value)] = []
                guard !changed.isEmpty else { return found }
                var values = before
                for event in events {
                    try apply(event, db)
                    for index in changed {
                        let after = try query(index, db)
                        guard after != values[index] else { continue }
                        values[index] = after
                        found.append((index, event, after))
                    }
                }
                return found
            }
            for (index, event, value) in found {
                current[index] = value
                note(index, event, value)
            }
        }
    }

    static var chunk: Int { 500 }
}
