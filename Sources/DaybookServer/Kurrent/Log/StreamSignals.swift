#if Server
import DaybookCore
import Synchronization

/// Wakes those who follow a stream when something was recorded in it, of it, or of its metadata: one reader of the log for
/// all of them, so that an append does not wake a thousand followers of other streams.
final class StreamSignals: Sendable {
    private let store: any EventStore
    private let interests = Mutex<[StreamName: [ObjectIdentifier: Interest]]>([:])

    init(store: any EventStore) { self.store = store }

    /// One follower's wish to be woken. Counts from when it was made: what was recorded before, its first read sees.
    final class Interest: Sendable {
        fileprivate let stream: StreamName

        private let wakeup = Wakeup()

        fileprivate init(stream: StreamName) { self.stream = stream }

        /// How often something was recorded; to be asked before reading, and given to ``wait(beyond:)`` after.
        var count: Int { wakeup.count }

        fileprivate func signal() { wakeup.signal() }

        /// Returns when something has been recorded since a count was asked for.
        func wait(beyond count: Int) async throws { try await wakeup.wait(beyond: count) }
    }

    func interest(in stream: StreamName) -> Interest {
        let interest = Interest(stream: stream)
        interests.withLock { $0[stream, default: [:]][ObjectIdentifier(interest)] = interest }
        return interest
    }

    func drop(_ interest: Interest) {
        interests.withLock { interests in
            interests[interest.stream]?[ObjectIdentifier(interest)] = nil
            if interests[interest.stream]?.isEmpty == true { interests[interest.stream] = nil }
        }
    }

    /// Follows the log until the task is cancelled or the store is closed.
    func run() async {
        var position = (try? await store.head()) ?? .start
        while !Task.isCancelled {
            guard let head = try? await store.head(beyond: position) else {
                // The store is closed, or cannot be read: those who wait shall see for themselves.
                wakeAll()
                guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
                continue
            }
            guard interests.withLock({ !$0.isEmpty }) else {
                position = head
                continue
            }
            do {
                let page = try await store.readPage(
                    from: .after(position), direction: .forward, filter: .everything, limit: 1_000)
                for event in page.events { wake(event.stream) }
                position = max(position, page.scannedThrough)
            } catch {
                wakeAll()
                position = head
            }
        }
    }

    private func wake(_ stream: StreamName) {
        let woken = interests.withLock { interests -> [Interest] in
            var woken = interests[stream].map { Array($0.values) } ?? []
            if let controlled = stream.controlled, let interested = interests[controlled] { woken += interested.values }
            return woken
        }
        for interest in woken { interest.signal() }
    }

    private func wakeAll() {
        for interest in interests.withLock({ $0.values.flatMap(\.values) }) { interest.signal() }
    }
}
#endif
