#if Server
import DaybookCore
import Synchronization

/// Wakes those who follow a stream when something was recorded in it, of it, or of its metadata, and those who follow a category,
/// a type or new streams: one reader of the log for all of them, so that an append does not wake a thousand followers of other
/// streams.
final class StreamSignals: Sendable {
    /// What somebody follows.
    enum Subject: Sendable, Hashable {
        case stream(StreamName)
        case category(Category)
        case type(EventType)
        /// The first events of streams.
        case newStreams
        case newStreamsOfCategory(Category)
        /// What has a correlation identifier, of which the index of them tells.
        case correlation(CorrelationKey)

        /// Whether an event is to be looked up by more than its stream for it.
        fileprivate var isOfOthers: Bool {
            switch self {
            case .stream, .correlation: false
            case .category, .type, .newStreams, .newStreamsOfCategory: true
            }
        }
    }

    private struct Interests {
        var bySubject: [Subject: [ObjectIdentifier: Interest]] = [:]
        /// How many are interested in something else than one stream: while nobody is, an event is not looked up by it.
        var others = 0

        subscript(subject: Subject) -> [Interest] { bySubject[subject].map { Array($0.values) } ?? [] }

        mutating func add(_ interest: Interest) {
            bySubject[interest.subject, default: [:]][ObjectIdentifier(interest)] = interest
            if interest.subject.isOfOthers { others += 1 }
        }

        mutating func remove(_ interest: Interest) {
            guard bySubject[interest.subject]?.removeValue(forKey: ObjectIdentifier(interest)) != nil else { return }
            if bySubject[interest.subject]?.isEmpty == true { bySubject[interest.subject] = nil }
            if interest.subject.isOfOthers { others -= 1 }
        }
    }

    private let store: any EventStore
    private let interests = Mutex(Interests())

    init(store: any EventStore) { self.store = store }

    /// One follower's wish to be woken. Counts from when it was made: what was recorded before, its first read sees.
    final class Interest: Sendable {
        fileprivate let subject: Subject

        private let wakeup = Wakeup()

        fileprivate init(subject: Subject) { self.subject = subject }

        /// How often something was recorded; to be asked before reading, and given to ``wait(beyond:)`` after.
        var count: Int { wakeup.count }

        fileprivate func signal() { wakeup.signal() }

        /// Returns when something has been recorded since a count was asked for.
        func wait(beyond count: Int) async throws { try await wakeup.wait(beyond: count) }
    }

    func interest(in stream: StreamName) -> Interest { interest(in: .stream(stream)) }

    func interest(in subject: Subject) -> Interest {
        let interest = Interest(subject: subject)
        interests.withLock { $0.add(interest) }
        return interest
    }

    func drop(_ interest: Interest) { interests.withLock { $0.remove(interest) } }

    /// How long a store is left alone that could not be read. Those who wait look for themselves as often.
    private static let pause = Duration.milliseconds(100)

    /// Follows the log until the task is cancelled.
    func run() async {
        var position: Position?  // Nil until it is known where the log ends.
        while !Task.isCancelled {
            do {
                guard let seen = position else {
                    position = try await store.head()
                    wakeAll()  // Of those who were there before, something may have been recorded up to here.
                    continue
                }
                let head = try await store.head(beyond: seen)
                position = await follow(after: seen, to: head)
            } catch {
                // The store is closed, or cannot be read: those who wait shall see for themselves.
                wakeAll()
                guard (try? await Task.sleep(for: Self.pause)) != nil else { return }
            }
        }
    }

    /// Wakes those whom some of what was recorded concerns.
    ///
    /// - Returns: Up to where that was looked at.
    private func follow(after position: Position, to head: Position) async -> Position {
        guard interests.withLock({ !$0.bySubject.isEmpty }) else { return head }
        do {
            let page = try await store.readPage(
                from: .after(position), direction: .forward, filter: .everything, limit: 1_000)
            for event in page.events { wake(by: event) }
            return max(position, page.scannedThrough)
        } catch {
            wakeAll()
            return head
        }
    }

    private func wake(by event: RecordedEvent) {
        let woken = interests.withLock { interests -> [Interest] in
            var woken = interests[.stream(event.stream)]
            if let controlled = event.stream.controlled { woken += interests[.stream(controlled)] }
            guard interests.others > 0 else { return woken }
            let category = event.stream.category
            woken += interests[.category(category)] + interests[.type(event.type)]
            if event.version == .first { woken += interests[.newStreams] + interests[.newStreamsOfCategory(category)] }
            return woken
        }
        for interest in woken { interest.signal() }
    }

    /// Wakes those who follow something of which the log's reader does not tell.
    func wake(_ subject: Subject) {
        for interest in interests.withLock({ $0[subject] }) { interest.signal() }
    }

    func wakeAll() {
        for interest in interests.withLock({ $0.bySubject.values.flatMap(\.values) }) { interest.signal() }
    }
}
#endif
