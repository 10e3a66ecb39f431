import DaybookCore

/// What a store answered, as far as a check looks at it.
public enum HistoryAnswer: Sendable, Equatable {
    case appended(AppendResult)
    /// An append that wrote nothing, and said so.
    case refused(AppendError)
    /// An append of which nobody knows: it was cancelled or the storage failed while it was being written, or the process
    /// ended before it answered. It may be in the log, whole, or not at all.
    case unknown
    case streamPage([ObservedEvent], StreamState, isAtEnd: Bool)
    case logPage([ObservedEvent], scannedThrough: Position, isAtEnd: Bool)
    case state(StreamState)
    case streams([StreamName])
    case receipt(AppendResult?)
    case head(Position)
    /// A read that gave no answer: it was cancelled, or the store was closed.
    case nothing
    /// A read that failed.
    case failed(ReadError)

    /// The answer to an append that threw.
    public init(_ error: AppendError) {
        switch error {
        case .cancelled(mayBeWritten: true), .storageFailed(_, mayBeWritten: true): self = .unknown
        default: self = .refused(error)
        }
    }

    /// The answer to a read that threw.
    public init(_ error: ReadError) {
        switch error {
        case .cancelled, .closed: self = .nothing
        default: self = .failed(error)
        }
    }
}

extension HistoryAnswer: CustomStringConvertible {
    public var description: String {
        switch self {
        case .appended(let result): result.sketch
        case .refused(let error): "refused: \(error)"
        case .unknown: "nothing: whether it was written is unknown"
        case .streamPage(let events, let state, let isAtEnd):
            "events at \(Self.sketch(events)), stream \(state.sketch)\(isAtEnd ? ", at the end" : "")"
        case .logPage(let events, let through, let isAtEnd):
            "events at \(Self.sketch(events)), scanned through \(through)\(isAtEnd ? ", at the end" : "")"
        case .state(let state): "stream \(state.sketch)"
        case .streams(let names): "streams \(names.map(\.rawValue))"
        case .receipt(let result): result.map(\.sketch) ?? "no receipt"
        case .head(let position): "head \(position)"
        case .nothing: "nothing"
        case .failed(let error): "failed: \(error)"
        }
    }

    private static func sketch(_ events: [ObservedEvent]) -> String {
        let shown = events.prefix(12).map(\.position.description).joined(separator: " ")
        return "[\(shown)\(events.count > 12 ? " … \(events.count) in all" : "")]"
    }
}

extension AppendResult {
    fileprivate var sketch: String {
        let ends = streams.map { "'\($0.stream)' at \($0.version?.description ?? "none")" }.joined(separator: ", ")
        return "\(isRepeat ? "again " : "")\(eventCount) events to position \(position), \(ends), \(recordedAt)"
    }
}

extension StreamState {
    fileprivate var sketch: String {
        "\(status.rawValue) at \(lastVersion?.description ?? "none"), count \(retention.maxCount ?? -1), "
            + "before \(retention.truncateBefore?.rawValue ?? -1)"
    }
}
