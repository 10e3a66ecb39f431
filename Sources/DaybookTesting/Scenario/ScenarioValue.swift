import Daybook
import DaybookCore

/// Writes a value as a store keeps it, and reads it again: a document, a command.
///
/// It goes by way of an event of one case, so that it is the format in which the library itself writes.
enum ScenarioValue<Value: Codable & Sendable>: DomainEvent {
    case value(Value)

    static func encode(_ value: Value) throws -> [UInt8] {
        try JSONEventCodec<Self>().encode(.value(value)).data
    }

    /// - Throws: An error that says what of the value is not read as it was written.
    static func decode(_ data: [UInt8]) throws -> Value {
        var log = ScenarioLog()
        let recorded = log.record(NewEvent(type: "value", data: data), in: "scenario")
        let values = try JSONEventCodec<Self>().decode(recorded)
        guard case .value(let value)? = values.first else { preconditionFailure("\(values.count) values of one event") }
        return value
    }

    /// The value as it is after having been written and read, and whether it is the same one.
    static func reread(_ value: Value) throws -> (value: Value, isSame: Bool) {
        let data = try encode(value)
        let read = try decode(data)
        return (read, try ScenarioText.isEqual(value, read) ?? (data == encode(read)))
    }

    static func isEqual(_ left: Value, _ right: Value) -> Bool {
        if let isEqual = ScenarioText.isEqual(left, right) { return isEqual }
        guard let left = try? encode(left), let right = try? encode(right) else { return false }
        return left == right
    }
}
