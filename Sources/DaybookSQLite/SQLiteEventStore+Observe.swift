import DaybookCore
import Foundation

extension SQLiteEventStore {
    /// Reads a file that another process has open, on a thread of its own, in one transaction.
    ///
    /// - Complexity: O(events that the index of the file does not have yet), some 100,000, beside the read itself.
    static func observe<Value: Sendable>(
        _ path: String, _ body: @escaping @Sendable (LogReader, _ head: Int64) throws(StoreFailure) -> Value
    ) async throws(ReadError) -> Value {
        let path = FileLink.target(of: path)
        guard FileManager.default.fileExists(atPath: path) else {
            throw .storageFailed(reason: OpenError.missing(path: path).description)
        }
        let result: Result<Value, StoreFailure> = await withUnsafeContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(returning: Result { () throws(StoreFailure) in try observed(path, body) })
            }
        }
        do { return try result.get() } catch { throw error.readError(file: path) }
    }

    private static func observed<Value>(
        _ path: String, _ body: (LogReader, Int64) throws(StoreFailure) -> Value
    ) throws(StoreFailure) -> Value {
        do {
            let connection = try Connection(observing: path, fileSystem: nil)
            try connection.execute("BEGIN")
            guard try connection.integer("PRAGMA application_id") == Schema.applicationID,
                try connection.integer("PRAGMA user_version") == Schema.version
            else {
                throw StoreFailure.damaged(position: nil, stream: nil, reason: "it is no Daybook file of this version")
            }
            let tail = IndexTail()
            let reader = try LogReader(connection, tail: tail, file: path, nameCapacity: 1000)
            try reader.index.begin(epoch: tail.epoch)
            let last = LogNumbers(
                position: try connection.integer("SELECT max(position) FROM events") ?? 0,
                name: try connection.integer("SELECT max(id) FROM names") ?? 0,
                commit: try connection.integer("SELECT max(number) FROM commits") ?? 0)
            let segment = reader.index.segments.last
            var done = LogNumbers(
                position: segment?.last ?? 0, name: segment?.lastName ?? 0, commit: segment?.lastCommit ?? 0)
            var gathered = IndexTail.Generation()
            try LogScanner(reader, after: done.name).gather(into: &gathered, from: &done, through: last, atMost: .max)
            tail.state.withLock { [gathered] in $0.active = gathered }
            return try body(reader, last.position)
        } catch let failure as StoreFailure {
            throw failure
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: false)
        } catch {
            throw .damaged(position: nil, stream: nil, reason: "\(error)")
        }
    }
}
