extension AppendRequest {
    /// Reads a request from an object of JSON: what `daybook append --requests` takes, a line each, and the server's HTTP API.
    /// See `daybook append --help` for its form.
    ///
    /// Payloads keep their bytes as they stand there. An event without an `id` gets a new one.
    package init(json value: JSONText) throws(FieldError) {
        var fields = try JSONFields(value, path: "")
        self.init(commandID: try fields.name("commandID"))
        for (index, write) in (try fields.elements("writes") ?? []).enumerated() {
            writes.append(try Self.readWrite(write, path: "writes[\(index)]"))
        }
        for (index, check) in (try fields.elements("checks") ?? []).enumerated() {
            var check = try JSONFields(check, path: "checks[\(index)]")
            let stream = try check.requiredName("stream", as: StreamName.self)
            guard let expected = try check.expectedVersion() else {
                throw FieldError(path: check.path(of: "expected"), problem: "is missing; write what must hold.")
            }
            checks.append(StreamCheck(stream: stream, expected: expected))
            try check.finish()
        }
        if let condition = fields.take("condition") { self.condition = try Self.readCondition(condition) }
        try fields.finish()
    }

    private static func readWrite(_ value: JSONText, path: String) throws(FieldError) -> StreamWrite {
        var fields = try JSONFields(value, path: path)
        let stream = try fields.requiredName("stream", as: StreamName.self)
        let expected = try fields.expectedVersion() ?? .any
        var actions: [StreamWrite.Action] = []
        if let values = try fields.elements("events") {
            var events: [NewEvent] = []
            events.reserveCapacity(values.count)
            for (index, value) in values.enumerated() {
                var event = try JSONFields(value, path: "\(path).events[\(index)]")
                events.append(try event.event(defaultID: { EventID() }))
                try event.finish()
            }
            actions.append(.append(events))
        }
        if try fields.boolean("delete") == true { actions.append(.delete) }
        if try fields.boolean("tombstone") == true { actions.append(.tombstone) }
        if let retention = fields.take("retention") {
            actions.append(.setRetention(try Retention(json: retention, path: fields.path(of: "retention"))))
        }
        let metadata = try fields.payload("metadata")?.bytes ?? []
        guard let action = actions.first, actions.count == 1 else {
            throw FieldError(
                path: path, problem: "has \(actions.count) of 'events', 'delete', 'tombstone', 'retention'; write one.")
        }
        if case .append = action, !metadata.isEmpty {
            throw FieldError(path: fields.path(of: "metadata"), problem: "belongs into each event; move it there.")
        }
        try fields.finish()
        return StreamWrite(stream: stream, expected: expected, action: action, metadata: metadata)
    }

    private static func readCondition(_ value: JSONText) throws(FieldError) -> AppendCondition {
        var fields = try JSONFields(value, path: "condition")
        let after = Position(try fields.integer("after", atLeast: 0) ?? 0)
        var items: [EventQuery.Item] = []
        for (index, item) in (try fields.elements("items") ?? []).enumerated() {
            var item = try JSONFields(item, path: "condition.items[\(index)]")
            items.append(EventQuery.Item(types: Set(try item.names("types")), tags: Set(try item.names("tags"))))
            try item.finish()
        }
        try fields.finish()
        return AppendCondition(failIfEventsMatch: EventQuery(items: items), after: after)
    }
}

extension JSONFields {
    /// `"any"`, `"noStream"`, `"streamExists"` or a version, under the key `expected`.
    package mutating func expectedVersion() throws(FieldError) -> ExpectedVersion? {
        guard let value = take("expected") else { return nil }
        if let version = value.integer, version >= 0 { return .version(StreamVersion(version)) }
        if let text = value.string, let expected = ExpectedVersion(argument: text) { return expected }
        throw wrong("expected", value, wanted: "\"any\", \"noStream\", \"streamExists\" or a version from 0")
    }
}

extension ExpectedVersion {
    /// Reads `any`, `noStream`, `streamExists` or a version from 0; nil for anything else.
    package init?(argument: String) {
        switch argument {
        case "any": self = .any
        case "noStream": self = .noStream
        case "streamExists": self = .streamExists
        default:
            guard let version = Int64(argument), version >= 0 else { return nil }
            self = .version(StreamVersion(version))
        }
    }
}
