import DaybookCore
import Synchronization

/// What happens to the events that a member claimed at once: they are read, handled by one call, and answered one by one.
struct ConsumerBatchHandling<Event: ReadableEvent>: Sendable {
    let reader: any EventReader<Event>
    let handler: ConsumerHandler<Event>.Together
    let limit: Duration
    let unreadable: UnreadableEventPolicy
    let clock: any Clock<Duration>
    let mailbox: ConsumerMailbox

    func handle(_ claimed: [ClaimedEvent]) async {
        var items: [ConsumerBatchItem<Event>] = []
        let answers = Answers(claimed, mailbox)
        var stopped: Set<ConsumerKey> = []
        var failure: EventDecodingError?
        for (index, event) in claimed.enumerated() where !stopped.contains(event.key) {
            let events: [Event]
            do throws(EventDecodingError) { events = try reader.decode(event.recorded) } catch {
                guard unreadable == .park else {
                    failure = error  // The member stops, after it has handled what is in front.
                    break
                }
                answers.answer(index, .parked(reason: error.description))
                stopped.insert(event.key)
                continue
            }
            guard !events.isEmpty else {
                answers.answer(index, .acknowledged)
                continue
            }
            items.append(
                ConsumerBatchItem(
                    delivery: ConsumerDelivery(
                        events: events, recorded: event.recorded, key: event.key, attempt: event.attempt,
                        fence: event.fence, isRepeated: event.isRepeated)
                ) { answers.answer(index, $0) })
        }
        defer { if let failure { mailbox.fail(failure) } }
        guard !items.isEmpty else { return }
        let isOverdue = await run(items)
        // A member that leaves gives back what has no answer.
        guard !Task.isCancelled, failure == nil else { return }
        answers.close(
            reason: isOverdue
                ? "There was no answer after \(limit), and the call was cancelled." : "There was no answer.")
    }

    /// - Returns: Whether the handler took too long.
    private func run(_ items: [ConsumerBatchItem<Event>]) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await handler(items)
                return false
            }
            group.addTask {
                do { try await clock.sleep(for: limit) } catch { return false }
                return true
            }
            let isOverdue = await group.next() ?? false
            group.cancelAll()
            return isOverdue
        }
    }

    /// Posts the answers of each key in the order of its events, up to the first that is no acknowledgement: the store takes
    /// back what was delivered behind that.
    private final class Answers: Sendable {
        private struct State {
            /// The indices of each key's events that are not posted, in order.
            var waiting: [ConsumerKey: ArraySlice<Int>] = [:]
            var early: [Int: ConsumerBatchItem<Event>.Answer] = [:]
        }

        private let claimed: [ClaimedEvent]
        private let mailbox: ConsumerMailbox
        private let state: Mutex<State>

        init(_ claimed: [ClaimedEvent], _ mailbox: ConsumerMailbox) {
            self.claimed = claimed
            self.mailbox = mailbox
            let waiting = Dictionary(grouping: claimed.indices) { claimed[$0].key }.mapValues { $0[...] }
            state = Mutex(State(waiting: waiting))
        }

        func answer(_ index: Int, _ answer: ConsumerBatchItem<Event>.Answer) {
            let key = claimed[index].key
            state.withLock { state in
                guard state.waiting[key]?.contains(index) == true, state.early[index] == nil else { return }
                state.early[index] = answer
                var inputs: [ConsumerInput] = []
                while let next = state.waiting[key]?.first, let answer = state.early.removeValue(forKey: next) {
                    inputs.append(input(next, answer))
                    if case .acknowledged = answer {
                        state.waiting[key]?.removeFirst()
                    } else {
                        state.waiting[key] = nil
                    }
                }
                mailbox.post(inputs)  // Within the lock: no later answer of the key overtakes them.
            }
        }

        /// Has the first event of each key that has no answer delivered again.
        func close(reason: String) {
            let inputs: [ConsumerInput] = state.withLock { state in
                defer { state.waiting = [:] }
                return state.waiting.values.compactMap(\.first).sorted().map { input($0, .failed(reason: reason)) }
            }
            mailbox.post(inputs)
        }

        private func input(_ index: Int, _ answer: ConsumerBatchItem<Event>.Answer) -> ConsumerInput {
            let (fence, position) = (claimed[index].fence, claimed[index].recorded.position)
            return switch answer {
            case .acknowledged: .acknowledge(fence: fence, position: position)
            case .failed(let reason): .retry(fence: fence, position: position, reason: reason)
            case .parked(let reason): .park(fence: fence, position: position, reason: reason)
            }
        }
    }
}
