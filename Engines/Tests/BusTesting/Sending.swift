import Daybook
import DaybookCore
import Foundation
import Synchronization

/// Messages to a target, and what it answered.
public final class Sending: Sendable {
    private let answered = Mutex<[(id: String, answer: PublisherMessage.Answer)]>([])

    public init() {}

    /// - Parameter id: A number behind its last hyphen is the event's position.
    public static func event(_ id: String, stream: String, data: [UInt8] = Array(#"{"amount":5}"#.utf8)) -> CloudEvent {
        var extensions = ["partitionkey": stream]
        if let hyphen = id.lastIndex(of: "-"), let position = Int64(id[id.index(after: hyphen)...]) {
            extensions["position"] = "\(position)"
        }
        return CloudEvent(
            id: id, source: "/shop", type: "account.credited", subject: stream,
            time: Timestamp(microseconds: 1_767_323_045_000_000), data: data, extensions: extensions)
    }

    public func message(_ id: String, stream: String, data: [UInt8] = Array(#"{"amount":5}"#.utf8)) -> PublisherMessage
    {
        message([Self.event(id, stream: stream, data: data)], stream: stream)
    }

    public func message(_ events: [CloudEvent], stream: String) -> PublisherMessage {
        let id = events[0].id
        return PublisherMessage(events, key: stream) { [self] answer in answered.withLock { $0.append((id, answer)) } }
    }

    /// Messages `a-0`, `b-0`, `a-1` and so on.
    public func messages(_ range: Range<Int>, streams: [String]) -> [PublisherMessage] {
        range.flatMap { number in streams.map { message("\($0)-\(number)", stream: $0) } }
    }

    /// The identifiers of their events, of each stream in order.
    public static func ids(_ range: Range<Int>, of streams: [String]) -> [String: [String]] {
        Dictionary(uniqueKeysWithValues: streams.map { stream in (stream, range.map { "\(stream)-\($0)" }) })
    }

    public var answers: [(id: String, answer: PublisherMessage.Answer)] { answered.withLock { $0 } }
    public var acknowledged: [String] { answers.filter { $0.answer == .acknowledged }.map(\.id) }

    public func answer(_ id: String) -> PublisherMessage.Answer? { answers.first { $0.id == id }?.answer }
}
