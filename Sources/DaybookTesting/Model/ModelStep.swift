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

extension AppendRequest {
    /// The request in one line.
    fileprivate var sketch: String {
        var parts = writes.map { write in
            let what =
                switch write.action {
                case .append(let events): events.map(\.sketch).joined(separator: " ")
                case .setRetention(let retention):
                    "retention(age \(retention.maxAge.map { "\($0)" } ?? "-"), count \(retention.maxCount ?? -1), "
                        + "before \(retention.truncateBefore?.rawValue ?? -1))"
                case .delete: "delete"
                case .tombstone: "tombstone"
                }
            return "to '\(write.stream)' at \(write.expected): \(what)"
        }
        parts += checks.map { "check '\($0.stream)' at \($0.expected)" }
        if let condition {
            let items = condition.failIfEventsMatch.items.map(\.sketch).joined(separator: " or ")
            parts.append("unless \(items) after \(condition.after)")
        }
        if let commandID { parts.append("command '\(commandID)'") }
        return "append " + parts.joined(separator: "; ")
    }
}

extension NewEvent {
    fileprivate var sketch: String {
        "#\(id.low)(\(type)\(tags.isEmpty ? "" : " \(tags.map(\.rawValue))"), \(String(decoding: data, as: UTF8.self)))"
    }
}

extension EventQuery.Item {
    fileprivate var sketch: String {
        "{types \(types.map(\.rawValue).sorted()), tags \(tags.map(\.rawValue).sorted())}"
    }
}

extension EventFilter {
    fileprivate var sketch: String {
        var parts: [String] = []
        if !categories.isEmpty { parts.append("categories \(categories.map(\.rawValue).sorted())") }
        if !streamPrefixes.isEmpty { parts.append("stream prefixes \(streamPrefixes.sorted())") }
        if !types.isEmpty { parts.append("types \(types.map(\.rawValue).sorted())") }
        if !typePrefixes.isEmpty { parts.append("type prefixes \(typePrefixes.sorted())") }
        if !tags.isEmpty { parts.append("tags \(tags.map(\.rawValue).sorted())") }
        if let query { parts.append("query \(query.items.map(\.sketch).joined(separator: " or "))") }
        if includesControlEvents { parts.append("with control events") }
        return parts.isEmpty ? "all" : parts.joined(separator: ", ")
    }
}
