#if Kinesis
import Daybook
import DaybookCore

/// How far each shard has been read, in documents of a read model: `stream`, and `shard/` with the shard's name.
///
/// A document says `{"after":"4954511524349098501828","finished":false,"until":1767323045000000}`, times in microseconds since
/// 1970; that of the stream its name, when it was made, and where its shards begin that have no checkpoint, which the first
/// start says for good. Each is changed only as it was last seen, so that two processes learn of each other.
actor KinesisCheckpoints {
    struct Progress: Sendable, Equatable {
        /// The last record that was taken; nil before the first one.
        var after: String?
        /// Whether the shard is closed, and all of it was taken.
        var isFinished = false
        /// All that came before was taken, as far as Kinesis still had it; of a shard that is not begun, out of its parents.
        var until: Timestamp?

        /// Whether the shard has been read so much further that it is noted without a record: a shard in which nothing comes
        /// must not look as if nobody read it. Or what is noted lies ahead, by a clock that did: so a shard would look as if it
        /// had been read when nobody does any more.
        func isWorthNoting(_ until: Timestamp?) -> Bool {
            guard let until else { return false }
            guard let noted = self.until else { return true }
            return noted.advanced(by: .seconds(600)) <= until || until.advanced(by: .seconds(600)) <= noted
        }
    }

    private let model: ReadModelName
    private let store: any ReadModelStore
    private var saved: [String: [UInt8]] = [:]

    init(_ model: ReadModelName, in store: any ReadModelStore) {
        self.model = model
        self.store = store
    }

    /// Where shards begin that have no checkpoint; nil for the oldest record that Kinesis keeps.
    private(set) var start: Timestamp?

    /// Reads what is kept, and makes sure that it is of this stream.
    ///
    /// - Parameter start: Counts the first time alone: one that is read from the clock is later after each start, and would
    ///   pass over what came meanwhile.
    func load(
        stream: String, created: Double?, startingAt start: Timestamp? = nil
    ) async throws(KinesisSourceError) -> [String: Progress] {
        let name = JSONValue.string(stream)
        let made: JSONValue = created.flatMap { Int64(exactly: $0.rounded(.down)) }.map { .integer($0) } ?? .null
        saved = [:]
        var progress: [String: Progress] = [:]
        do throws(DerivedStateError) {
            var after: String?
            while true {
                let page = try await store.documents(of: model, after: after, limit: 1000)
                for (key, data) in page { saved[key] = data }
                guard page.count == 1000 else { break }
                after = page.last?.key
            }
        } catch { throw .checkpoints(error) }
        self.start = start
        let from: JSONValue = start.map { .integer($0.microseconds) } ?? .null
        let document = JSONValue.object(["name": name, "created": made, "from": from]).bytes
        if let kept = saved[Self.streamKey] {
            let value = try? JSONValue(parsing: kept)
            guard value?["name"] == name, value?["created"] == made else { throw .anotherStream(name: stream) }
            switch value?["from"] {
            case .integer(let microseconds)?: self.start = Timestamp(microseconds: microseconds)
            case .null?: self.start = nil
            case nil: try await save(document, for: Self.streamKey)
            default: throw .malformedCheckpoint(key: Self.streamKey)
            }
        } else {
            try await save(document, for: Self.streamKey)
        }
        for (key, data) in saved where key.hasPrefix(Self.shardPrefix) {
            guard let value = try? JSONValue(parsing: data), case .bool(let isFinished)? = value["finished"] else {
                throw .malformedCheckpoint(key: key)
            }
            var shard = Progress(isFinished: isFinished)
            switch value["after"] {
            case .string(let after)?: shard.after = after
            case .null?: break
            default: throw .malformedCheckpoint(key: key)
            }
            switch value["until"] {
            case .integer(let microseconds)?: shard.until = Timestamp(microseconds: microseconds)
            case .null?, nil: break
            default: throw .malformedCheckpoint(key: key)
            }
            progress[String(key.dropFirst(Self.shardPrefix.count))] = shard
        }
        return progress
    }

    /// Durable when this returns.
    func save(_ progress: Progress, for shard: String) async throws(KinesisSourceError) {
        let value = JSONValue.object([
            "after": progress.after.map { .string($0) } ?? .null, "finished": .bool(progress.isFinished),
            "until": progress.until.map { .integer($0.microseconds) } ?? .null,
        ])
        try await save(value.bytes, for: Self.shardPrefix + shard)
    }

    /// Forgets a shard that Kinesis has forgotten.
    func forget(_ shard: String) async throws(KinesisSourceError) { try await save(nil, for: Self.shardPrefix + shard) }

    private func save(_ data: [UInt8]?, for key: String) async throws(KinesisSourceError) {
        let old = saved[key]
        do throws(DerivedStateError) {
            let position = try await store.checkpoint(of: model)
            try await store.commit(
                DocumentBatch(
                    model: model, changes: [key: data], previous: position, checkpoint: position, expected: [key: old]))
        } catch .documentChanged {
            throw .anotherRuns(shard: key)
        } catch { throw .checkpoints(error) }
        saved[key] = data
    }

    private static let streamKey = "stream"
    private static let shardPrefix = "shard/"
}
#endif
