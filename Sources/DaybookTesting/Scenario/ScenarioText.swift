import Daybook
import DaybookCore

/// How scenarios compare and show values whose types may promise nothing.
enum ScenarioText {
    static func list<Element>(_ elements: [Element]) -> String {
        elements.isEmpty ? "nothing" : elements.map { "\($0)" }.joined(separator: "\n")
    }

    static func result<Event, Rejection>(_ result: Result<[Event], Rejection>) -> String {
        switch result {
        case .success(let events): list(events)
        case .failure(let rejection): "rejected: \(rejection)"
        }
    }

    static func comparison(expected: String, actual: String) -> String {
        "  expected:\n\(indented(expected))\n  actual:\n\(indented(actual))"
    }

    static func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }.joined(separator: "\n")
    }

    static func dump<Value>(_ value: Value) -> String {
        var text = ""
        Swift.dump(value, to: &text)
        return text.last == "\n" ? String(text.dropLast()) : text
    }

    /// Whether two values are equal, or nil when their type cannot tell.
    static func isEqual<Value>(_ left: Value, _ right: Value) -> Bool? {
        func compare<Known: Equatable>(_ left: Known) -> Bool { (right as? Known) == left }
        guard let left = left as? any Equatable else { return nil }
        return compare(left)
    }

    /// What is to be said when an event is read as another than it was written from; nil when it is not, or when its
    /// type cannot tell.
    static func loss<Event: Sendable>(of event: Event, readAs read: [Event]) -> String? {
        if read.count == 1, isEqual(event, read[0]) ?? true { return nil }
        return "The event \(event) does not survive being written and read.\n"
            + comparison(expected: "\(event)", actual: list(read))
    }

    /// The result as it would be written, so that it can be compared whatever its types promise.
    static func bytes<Event: DomainEvent, Rejection: Error>(
        of result: Result<[Event], Rejection>
    ) -> [String] {
        switch result {
        case .success(let events):
            let codec = JSONEventCodec<Event>()
            return events.map { event in
                do throws(EventEncodingError) {
                    let encoded = try codec.encode(event)
                    return "\(encoded.type) \(String(decoding: encoded.data, as: UTF8.self))"
                } catch {
                    return error.description
                }
            }
        case .failure(let rejection): return ["rejected: \(rejection)"]
        }
    }

    /// The events after having been written as JSON and read again.
    static func reread<Event: DomainEvent>(_ events: [Event]) throws -> [Event] {
        let codec = JSONEventCodec<Event>()
        return try events.enumerated().flatMap { index, event in
            let encoded = try codec.encode(event)
            return try codec.decode(
                RecordedEvent(
                    id: EventID(), type: encoded.type, schemaVersion: encoded.schemaVersion,
                    contentType: encoded.contentType, data: encoded.data[...], metadata: [], tags: [],
                    stream: "scenario", version: StreamVersion(Int64(index)), position: Position(Int64(index) + 1),
                    recordedAt: Timestamp(microseconds: 0)))
        }
    }
}
