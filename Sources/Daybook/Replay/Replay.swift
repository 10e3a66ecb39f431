import DaybookCore
import Synchronization

/// Records a log once more, up to a moment, in a scratch store: the whole application as it was then, to be looked at,
/// queried, and even gone on with, while the real one runs.
///
/// ```swift
/// let past = try await Replay(of: store).inMemory(asOf: .time(lastFriday))
/// let accounts = CommandHandler(CashAccount.self, in: past, category: "account")
/// _ = try await ProjectionRunner(Balances(), of: past, in: past).catchUp()
/// ```
///
/// Everything that readers see is the same: streams, versions, identifiers, data, metadata, tags, recorded times, settings
/// and deletions; positions too, in a log without gaps. Not the same are the identifiers of the store's own events, which
/// each store gives itself, and what it remembers of command identifiers: a repeated command is a new one in the
/// scratch store.
public struct Replay: Sendable {
    private let log: any EventStore
    private let clock = Clock()

    /// What the scratch store is to read the time from, so that it records the times of the log.
    public let time: TimeSource

    private final class Clock: Sendable {
        let now = Mutex(Timestamp(microseconds: 0))
    }

    public init(of log: any EventStore) {
        self.log = log
        let clock = clock
        time = TimeSource { clock.now.withLock { $0 } }
    }

    /// A store in memory that holds the log up to a moment.
    ///
    /// - Complexity: O(events), in time and memory. For more than memory takes, open a store in a file with the
    ///   replay's ``time``, and ``copy(into:asOf:progress:)``.
    public func inMemory(
        asOf moment: LogMoment = .latest, progress: (Position, Position) -> Void = { _, _ in }
    ) async throws(ReplayError) -> InMemoryEventStore {
        let scratch = InMemoryEventStore(time: time)
        try await copy(into: scratch, asOf: moment, progress: progress)
        return scratch
    }

    /// Records the log up to a moment in an empty store.
    ///
    /// - Parameters:
    ///   - scratch: Must read the time from the replay's ``time``.
    ///   - progress: Called after each page with the position reached and where the replay will end.
    /// - Returns: The last position of the log that was taken along.
    @discardableResult
    public func copy(
        into scratch: any EventStore, asOf moment: LogMoment = .latest,
        progress: (Position, Position) -> Void = { _, _ in }
    ) async throws(ReplayError) -> Position {
        do {
            let head = try await scratch.head()
            guard head == .start else { throw ReplayError.notEmpty(head: head) }
        } catch let error as ReplayError {
            throw error
        } catch {
            throw .read(error as? ReadError ?? .storageFailed(reason: "\(error)"))
        }
        var pages: LogPages
        do { pages = try await LogPages(of: log, .everything, through: moment) } catch { throw ReplayError(error) }
        var last = Position.start
        while true {
            let page: ArraySlice<RecordedEvent>
            do {
                guard let next = try await pages.next() else { return last }
                page = next
            } catch {
                throw ReplayError(error)
            }
            var group = Group()
            for event in page {
                if !group.add(event) {
                    try await record(group, in: scratch)
                    group = Group()
                    _ = group.add(event)
                }
                last = event.position
            }
            try await record(group, in: scratch)
            progress(pages.reached, pages.end)
        }
    }

    private func record(_ group: Group, in scratch: any EventStore) async throws(ReplayError) {
        guard let first = group.events.first else { return }
        clock.now.withLock { $0 = first.recordedAt }
        let result: AppendResult
        do { result = try await scratch.append(group.request()) } catch { throw .append(error) }
        guard result.recordedAt == first.recordedAt else {
            throw .otherTime(recorded: first.recordedAt, scratch: result.recordedAt)
        }
        for end in result.streams {
            guard let event = group.events.last(where: { $0.stream == end.stream }) else { continue }
            guard end.version == event.version else {
                throw .diverged(stream: event.stream, version: event.version, scratch: end.version)
            }
        }
    }

    /// Events that one append records in the same order and at the same time.
    private struct Group {
        private(set) var events: [RecordedEvent] = []
        private var streams: Set<StreamName> = []
        private var bytes = 0

        /// - Returns: False when the event belongs into the next group.
        mutating func add(_ event: RecordedEvent) -> Bool {
            if let last = events.last {
                guard !event.stream.isControl, !last.stream.isControl, event.recordedAt == last.recordedAt,
                    events.count < 1_000, bytes < 4 << 20
                else { return false }
                if event.stream != last.stream {
                    guard streams.count < Limits.streamsPerAppend, !streams.contains(event.stream) else { return false }
                }
            }
            events.append(event)
            streams.insert(event.stream)
            bytes += event.data.count + event.metadata.count
            return true
        }

        func request() throws(AppendError) -> AppendRequest {
            var request = AppendRequest()
            if let event = events.first, let stream = event.stream.controlled {
                guard let control = StreamControl(decoding: event.data) else {
                    throw .storageFailed(
                        reason: "the settings of '\(stream)' at position \(event.position) cannot be read",
                        mayBeWritten: false)
                }
                let action: StreamWrite.Action =
                    switch event.type {
                    case StreamControl.streamDeleted: .delete
                    case StreamControl.streamTombstoned: .tombstone
                    default: .setRetention(control.retention)
                    }
                request.writes.append(
                    StreamWrite(stream: stream, action: action, metadata: Array(event.metadata)))
                return request
            }
            var index = events.startIndex
            while index < events.endIndex {
                let stream = events[index].stream
                let end = events[index...].firstIndex { $0.stream != stream } ?? events.endIndex
                request.append(events[index..<end].map(NewEvent.init(repeating:)), to: stream)
                index = end
            }
            return request
        }
    }
}

extension NewEvent {
    /// An event as it was recorded, to be recorded again elsewhere.
    fileprivate init(repeating event: RecordedEvent) {
        self.init(
            id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
            data: Array(event.data), metadata: Array(event.metadata), tags: event.tags)
    }
}
