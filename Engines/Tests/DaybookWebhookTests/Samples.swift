import Daybook
import DaybookCore
import DaybookWebhook
import Synchronization
import Testing

/// Events, messages and their answers, for tests.
enum Samples {
    static let secret = try! WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    static let otherSecret = try! WebhookSecret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")

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

    var kind: String {
        switch self {
        case .acknowledged: "acknowledged"
        case .failed: "failed"
        case .refused: "refused"
        }
    }
}

/// A clock that goes on by sleeping on it, without waiting.
final class LeapingClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let offset = Mutex(Duration.zero)

    var now: Instant { Instant(offset: offset.withLock { $0 }) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        offset.withLock { $0 = max($0, deadline.offset) }
    }

    /// A time that goes with the clock.
    var time: TimeSource {
        TimeSource { Timestamp("2026-01-01T00:00:00Z")!.advanced(by: self.now.offset) }
    }
}

/// Where something happens once, for which others wait.
final class Signal: Sendable {
    private let state = Mutex<(isSet: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func set() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for waiter in waiting { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isSet = state.withLock { state in
                if !state.isSet { state.waiting.append(continuation) }
                return state.isSet
            }
            if isSet { continuation.resume() }
        }
    }
}
