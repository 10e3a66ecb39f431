import Daybook
import DaybookCore
import Foundation
import Synchronization
import Testing

@testable import DaybookKinesis

enum Samples {
    static func event(_ stream: String, _ version: Int, data: String = #"{"amount":1}"#) -> CloudEvent {
        CloudEvent(
            id: "\(stream)-\(version)", source: "/shop", type: "account.deposited", subject: stream,
            time: Timestamp("2026-01-02T03:04:05.000006Z"), data: Array(data.utf8),
            extensions: ["partitionkey": stream, "streamversion": "\(version)"])
    }
}

/// What became of each message.
final class Answers: Sendable {
    private let answers = Mutex<[String: PublisherMessage.Answer]>([:])

    func message(_ stream: String, _ version: Int, data: String = #"{"amount":1}"#) -> PublisherMessage {
        message([Samples.event(stream, version, data: data)], stream)
    }

    func message(_ events: [CloudEvent], _ stream: String) -> PublisherMessage {
        PublisherMessage(events, key: stream) { answer in
            self.answers.withLock { $0[events[0].id] = answer }
        }
    }

    subscript(_ stream: String, _ version: Int) -> PublisherMessage.Answer? {
        answers.withLock { $0["\(stream)-\(version)"] }
    }
}

extension PublisherMessage.Answer {
    var reason: String? {
        switch self {
        case .acknowledged: nil
        case .failed(let reason), .refused(let reason): reason
        }
    }

    var isFailed: Bool { if case .failed = self { true } else { false } }
    var isRefused: Bool { if case .refused = self { true } else { false } }
}

/// A clock that goes on by sleeping on it, without waiting.
final class LeapingClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let state = Mutex((offset: Duration.zero, sleeps: 0))

    var now: Instant { Instant(offset: state.withLock { $0.offset }) }
    var sleeps: Int { state.withLock { $0.sleeps } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        state.withLock { $0 = (max($0.offset, deadline.offset), $0.sleeps + 1) }
        await Task.yield()
    }
}

/// Sends as a publisher does: what was not acknowledged again, from the first one of its stream on, until all is, or a number
/// of rounds is over.
///
/// - Returns: For each stream, how many were acknowledged.
func publish(
    _ streams: [String], versions: Int, to target: KinesisTarget, rounds: Int = 2000
) async -> [String: Int] {
    var next = Dictionary(uniqueKeysWithValues: streams.map { ($0, 0) })
    for _ in 0..<rounds where next.values.contains(where: { $0 < versions }) {
        let answers = Answers()
        await target.send(
            streams.flatMap { stream in (next[stream]!..<versions).map { answers.message(stream, $0) } })
        for stream in streams {
            while let version = next[stream], answers[stream, version] == .acknowledged { next[stream] = version + 1 }
        }
    }
    return next
}

/// The events of each stream in the order of records, of an event that comes again the first.
func firsts(_ events: [CloudEvent]) -> [String: [String]] {
    var seen: Set<String> = []
    var streams: [String: [String]] = [:]
    for event in events where seen.insert(event.id).inserted {
        streams[event.subject ?? "", default: []].append(event.id)
    }
    return streams
}
