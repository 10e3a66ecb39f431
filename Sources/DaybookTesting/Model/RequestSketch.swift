import DaybookCore

extension AppendRequest {
    /// The request in one line.
    var sketch: String {
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
    var sketch: String {
        "#\(id.low)(\(type)\(tags.isEmpty ? "" : " \(tags.map(\.rawValue))"), \(String(decoding: data, as: UTF8.self)))"
    }
}

extension EventQuery.Item {
    var sketch: String {
        "{types \(types.map(\.rawValue).sorted()), tags \(tags.map(\.rawValue).sorted())}"
    }
}

extension EventFilter {
    var sketch: String {
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
