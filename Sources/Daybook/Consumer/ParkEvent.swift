/// Thrown by a handler to park an event at once: trying again would not help.
public struct ParkEvent: Error, Equatable {
    public var reason: String

    public init(_ reason: String) { self.reason = reason }
}
