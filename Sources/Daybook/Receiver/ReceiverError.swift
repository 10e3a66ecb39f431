import DaybookCore

/// Why an ``EventReceiver`` stopped. What was not dealt with comes again.
public enum ReceiverError: Error, Equatable, CustomStringConvertible {
    /// What was received is no cloud event, and the policy is to stop (``UnreadableEventPolicy/stop``).
    case unreadable(origin: String, InvalidCloudEvent)
    /// The receiver holds as many messages as it may, and takes no more.
    case tooManyHeld(Int)
    /// A message was to be replayed or skipped whose key is not stopped at it.
    case notParked(key: String)
    /// The log takes no event any more.
    case log(AppendError)
    /// What was set aside could not be read or saved.
    case store(DerivedStateError)
    /// A stored document is not what this program writes.
    case unreadableState(document: String, reason: String)
    /// The source can give no more; why.
    case source(reason: String)
    case cancelled

    public var description: String {
        switch self {
        case .unreadable(let origin, let error): "\(origin): \(error)"
        case .tooManyHeld(let count):
            "The receiver holds \(count) parked messages and messages that wait behind them, and takes no more: replay or "
                + "skip the parked ones."
        case .notParked(let key): "Key '\(key)' is not stopped at a message: see which ones are parked."
        case .log(let error): error.description
        case .store(let error): error.description
        case .unreadableState(let document, let reason):
            "Document '\(document)' of the receiver has another shape (\(reason)): run the program that wrote it."
        case .source(let reason): "The source gives no more: \(reason)"
        case .cancelled: "The receiver's call was cancelled."
        }
    }
}

extension ReceiverError {
    init(_ error: DerivedStateError) { self = error == .cancelled ? .cancelled : .store(error) }
}
