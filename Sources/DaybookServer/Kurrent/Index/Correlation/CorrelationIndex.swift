#if Server
import DaybookCore
import Logging

/// Where in the log the events are that have a correlation identifier, which no index of a store tells: a read model of the store,
/// made of the log while the server runs.
///
/// It costs 8 bytes for each event that has an identifier, and a document for each identifier; nothing of it is in memory but a
/// page while that is read. It is behind the log by ``gatheringTime`` and a commit. When it is asked for the first time, the log is
/// read once; from then on it goes on where it was.
final class CorrelationIndex: Sendable {
    /// As KurrentDB's projection is called.
    static let model = ReadModelName(unchecked: "$by_correlation_id")

    /// How many events of the log are looked at for one commit.
    private static let pageEvents = 1_000
    /// For how long events are waited for before they are indexed, so that a commit has many of them: at most 20 commits a second
    /// are added to what clients write.
    static let gatheringTime = Duration.milliseconds(50)
    /// How long it takes until what failed is tried again.
    private static let second = Duration.seconds(1)

    private let store: any EventStore & ReadModelStore

    init(store: any EventStore & ReadModelStore) { self.store = store }

    // MARK: - How it grows

    /// What became of a page of the log.
    struct Step: Sendable {
        /// Where the index stood, and where it stands now.
        var from: Position
        var through: Position
        var isAtEnd: Bool
        /// The identifiers of which there are more events now.
        var keys: [CorrelationKey] = []
    }

    /// Follows the log until the task is cancelled, and wakes those who follow streams by correlation.
    func run(_ signals: StreamSignals, _ logger: Logger = Logger(label: "daybook.server")) async {
        var reached: Position?
        var told = ""
        while !Task.isCancelled {
            do {
                let step = try await indexPage()
                if reached == step.from {
                    for key in step.keys { signals.wake(.correlation(key)) }
                } else {
                    // Another server indexes the same log, and does not tell here which streams have grown.
                    signals.wakeAll()
                }
                reached = step.through
                guard step.isAtEnd else { continue }
                _ = try await store.head(beyond: step.through)
                try await Task.sleep(for: Self.gatheringTime)
            } catch DerivedStateError.checkpointMoved {
                continue  // Another server was first.
            } catch {
                if Task.isCancelled { return }
                if told != "\(error)" {
                    told = "\(error)"
                    logger.error("Correlations cannot be indexed.", metadata: ["error": "\(error)"])
                }
                guard (try? await Task.sleep(for: Self.second)) != nil else { return }
            }
        }
    }

    /// Takes the next page of the log into account, if there is one.
    ///
    /// - Throws: `DerivedStateError.checkpointMoved` when somebody else did so meanwhile.
    func indexPage() async throws -> Step {
        let from = try await store.checkpoint(of: Self.model)
        let page = try await store.readPage(
            from: .after(from), direction: .forward, filter: .all, limit: Self.pageEvents)
        guard page.scannedThrough > from else { return Step(from: from, through: from, isAtEnd: page.isAtEnd) }
        var gathered: [CorrelationKey: [Position]] = [:]
        for event in page.events where !IndexStream.Links.isLink(event) {
            if let key = CorrelationKey(of: event) { gathered[key, default: []].append(event.position) }
        }
        var changes: [String: [UInt8]?] = [:]
        let known = try await store.documents(gathered.keys.map(\.document), of: Self.model)
        for (key, positions) in gathered {
            var entry = try CorrelationEntry(known[key.document])
            for position in positions {
                guard let chunk = entry.append(position) else { continue }
                changes[key.document(ofChunk: chunk.number)] = chunk.document
            }
            changes[key.document] = entry.document
        }
        try await store.commit(
            DocumentBatch(model: Self.model, changes: changes, previous: from, checkpoint: page.scannedThrough))
        return Step(from: from, through: page.scannedThrough, isAtEnd: page.isAtEnd, keys: Array(gathered.keys))
    }

    // MARK: - What it tells

    /// Up to where in the log it has every event.
    func reached() async throws -> Position { try await store.checkpoint(of: Self.model) }

    func entry(of key: CorrelationKey) async throws -> CorrelationEntry {
        try CorrelationEntry(try await store.document(key.document, of: Self.model))
    }

    /// The positions of consecutive events.
    ///
    /// - Parameter ordinals: Below the entry's count.
    func positions(
        _ ordinals: Range<Int64>, of key: CorrelationKey, _ entry: CorrelationEntry
    ) async throws -> [Position] {
        var found: [Position] = []
        var next = ordinals.lowerBound
        while next < ordinals.upperBound {
            let chunk = try await chunk(next / CorrelationEntry.chunk, of: key, entry)
            let some = chunk.dropFirst(Int(next % CorrelationEntry.chunk)).prefix(Int(ordinals.upperBound - next))
            guard !some.isEmpty else { throw CorrelationEntry.Damage() }
            found += some
            next += Int64(some.count)
        }
        return found
    }

    /// How many of the events are at a position or before it.
    ///
    /// - Complexity: O(log count) documents.
    func count(
        upTo position: Position, of key: CorrelationKey, _ entry: CorrelationEntry
    ) async throws -> Int64 {
        var (low, high): (Int64, Int64) = (0, entry.count / CorrelationEntry.chunk)
        while low < high {
            let middle = low + (high - low) / 2
            let last = try await chunk(middle, of: key, entry).last
            if let last, last <= position { low = middle + 1 } else { high = middle }
        }
        let chunk = try await chunk(low, of: key, entry)
        return low * CorrelationEntry.chunk + Int64(chunk.count(where: { $0 <= position }))
    }

    /// The last one is in the entry, and not whole.
    private func chunk(
        _ number: Int64, of key: CorrelationKey, _ entry: CorrelationEntry
    ) async throws -> [Position] {
        guard number < entry.count / CorrelationEntry.chunk else { return entry.rest }
        return try CorrelationEntry.positions(
            ofChunk: try await store.document(key.document(ofChunk: number), of: Self.model))
    }
}
#endif
