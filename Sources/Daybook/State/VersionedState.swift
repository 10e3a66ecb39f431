import DaybookCore

/// A state, and the last event that it takes into account.
public struct VersionedState<State: Sendable>: Sendable {
    public var state: State
    /// The version of the last event; nil when there was none.
    public var version: StreamVersion?
    /// The position of the last event; `.start` when there was none.
    public var position: Position

    public init(_ state: State, version: StreamVersion? = nil, position: Position = .start) {
        self.state = state
        self.version = version
        self.position = position
    }
}

extension VersionedState: Equatable where State: Equatable {}

extension StreamVersion? {
    /// The version after so many more events; that of a stream without any is nil.
    @usableFromInline
    func advanced(by count: Int) -> StreamVersion? {
        count == 0 ? self : self?.advanced(by: count) ?? StreamVersion(Int64(count - 1))
    }
}
