#if Client
import DaybookCore
import DaybookProtocol

/// What a store says when it does not do what was asked.
protocol StoreRefusal: WireMessage, Error {
    /// Whether the store is closed: its server is about to end, and perhaps to begin again.
    var saysClosed: Bool { get }
    /// Whether a store that is closed while it does what was asked may say no more than that.
    static var mayHaveEffectWhenClosed: Bool { get }
}

extension AppendError: StoreRefusal {
    var saysClosed: Bool { self == .closed }
    static var mayHaveEffectWhenClosed: Bool { false }
}

extension ReadError: StoreRefusal {
    var saysClosed: Bool { self == .closed }
    static var mayHaveEffectWhenClosed: Bool { false }
}

extension DerivedStateError: StoreRefusal {
    var saysClosed: Bool { self == .closed }
    static var mayHaveEffectWhenClosed: Bool { true }
}

extension OperationFailure: StoreRefusal {
    var saysClosed: Bool { code == .closed }
}

extension LogCopyError: StoreRefusal {
    var saysClosed: Bool { self == .closed }
    static var mayHaveEffectWhenClosed: Bool { true }
}
#endif
