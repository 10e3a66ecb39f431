import Daybook
import DaybookCore
import Foundation
import Synchronization

/// Messages to a target, and what it answered.
final class Sending: Sendable {
    private let answered = Mutex<[(id: String, answer: PublisherMessage.Answer)]>([])

    static func event(_ id: String, stream: String, data: [UInt8] = Array(#"{"amount":5}"#.utf8)) -> CloudEvent {
        CloudEvent(
            id: id, source: "/shop", type: "account.credited", subject: stream, data: data,
            extensions: ["partitionkey": stream])
    }

    func message(_ id: String, stream: String, data: [UInt8] = Array(#"{"amount":5}"#.utf8)) -> PublisherMessage {
        message([Self.event(id, stream: stream, data: data)], stream: stream)
    }

    func message(_ events: [CloudEvent], stream: String) -> PublisherMessage {
        let id = events[0].id
        return PublisherMessage(events, key: stream) { [self] answer in answered.withLock { $0.append((id, answer)) } }
    }

    /// Messages `a-0`, `b-0`, `a-1` and so on.
    func messages(_ range: Range<Int>, streams: [String]) -> [PublisherMessage] {
        range.flatMap { number in streams.map { message("\($0)-\(number)", stream: $0) } }
    }

    var answers: [(id: String, answer: PublisherMessage.Answer)] { answered.withLock { $0 } }
    var acknowledged: [String] { answers.filter { $0.answer == .acknowledged }.map(\.id) }

    func answer(_ id: String) -> PublisherMessage.Answer? { answers.first { $0.id == id }?.answer }
}

/// Waits until the condition holds, for a minute at most.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now.advanced(by: .seconds(60))
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return false
}

/// Sends what is not acknowledged, of each stream in order, again and again, as a publisher does.
func sendAll(_ ids: [String: [String]], to target: some BatchPublisherTarget, rounds: Int = 100) async -> Bool {
    var left = ids
    for _ in 0..<rounds {
        let sending = Sending()
        let messages = left.keys.sorted().flatMap { stream in
            left[stream]!.map { sending.message($0, stream: stream) }
        }
        if messages.isEmpty { return true }
        await target.send(messages)
        let done = Set(sending.acknowledged)
        for (stream, ids) in left {
            let rest = Array(ids.drop { done.contains($0) })
            left[stream] = rest.isEmpty ? nil : rest
        }
        if !left.isEmpty { try? await Task.sleep(for: .milliseconds(50)) }
    }
    return left.isEmpty
}
