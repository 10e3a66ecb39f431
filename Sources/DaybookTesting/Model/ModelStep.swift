import DaybookCore

/// One step of a model test. Nothing in it depends on what the store answered, so that steps can be left out.
struct ModelStep: Sendable {
    enum Action: Sendable {
        case append(AppendRequest)
        case readStream(StreamName, Cursor, ReadDirection, limit: Int)
        case readLog(Cursor, ReadDirection, EventFilter, limit: Int)
        case readWholeLog(ReadDirection, EventFilter, pageSize: Int)
        case state(StreamName)
        case streams(after: StreamName?, limit: Int)
        case receipt(CommandID)
        /// Moves the clock on, or back.
        case advance(microseconds: Int64)
        case reopen
    }

    /// A cursor of either kind of read; a time is told by an event's, since the store's clock is not known before.
    enum Cursor: Sendable {
        case start
        case end
        case version(Int64)
        case position(Int64)
        /// The time of the event of this number, counted from the first and around, and so many microseconds.
        case time(ofEvent: Int, plus: Int64)
    }

    var action: Action
}

extension ModelStep: CustomStringConvertible {
    var description: String {
        switch action {
        case .append(let request): request.sketch
        case .readStream(let stream, let cursor, let direction, let limit):
            "read '\(stream)' \(direction) from \(cursor), limit \(limit)"
        case .readLog(let cursor, let direction, let filter, let limit):
            "read log \(direction) from \(cursor), limit \(limit), \(filter.sketch)"
        case .readWholeLog(let direction, let filter, let pageSize):
            "read whole log \(direction) in pages of \(pageSize), \(filter.sketch)"
        case .state(let stream): "state of '\(stream)'"
        case .streams(let after, let limit): "streams after \(after.map { "'\($0)'" } ?? "none"), limit \(limit)"
        case .receipt(let id): "receipt for '\(id)'"
        case .advance(let microseconds): "clock \(microseconds) µs"
        case .reopen: "reopen"
        }
    }
}
