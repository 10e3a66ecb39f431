import DaybookCore

/// What one event made of a value that is read from rows.
public struct SQLValueChange<Value: Sendable>: Sendable {
    public var event: RecordedEvent
    public var before: Value
    public var after: Value

    public init(event: RecordedEvent, before: Value, after: Value) {
        self.event = event
        self.before = before
        self.after = after
    }
}

extension SQLValueChange: Equatable where Value: Equatable {}
