#if Client
import DaybookCore
import DaybookProtocol

/// What a store says when it does not do what was asked.
protocol StoreRefusal: WireMessage, Error {
    /// Whether the store is closed, so that nothing was done: its server is about to end, and perhaps to begin again.
    var saysClosed: Bool { get }
}

extension AppendError: StoreRefusal {
    var saysClosed: Bool { self == .closed }
}

extension ReadError: StoreRefusal {
    var saysClosed: Bool { self == .closed }
}

extension DerivedStateError: StoreRefusal {
    var saysClosed: Bool { self == .closed }
}

extension OperationFailure: StoreRefusal {
    var saysClosed: Bool { code == .closed }
}

extension LogCopyError: StoreRefusal {
    var saysClosed: Bool { self == .closed }
}
#endif
