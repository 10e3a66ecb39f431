import DaybookCore

extension LogWriter {
    /// Records events as another store recorded them.
    ///
    /// - Throws: ``LogCopyError``, when they do not follow on the log; others when the store failed.
    func importEvents(_ events: [RecordedEvent]) throws {
        try looking {
            try LogCopyError.check(
                events, follow: Position(last.position),
                recordedAt: last.position == 0 ? nil : Timestamp(microseconds: last.recordedAt)
            ) { try lastVersion(of: $0) }
        }
        for event in events {
            let new = NewEvent(
                id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
                data: Array(event.data), metadata: Array(event.metadata), tags: event.tags)
            var controlled: Int64?
            if let stream = event.stream.controlled, let control = StreamControl(decoding: event.data) {
                let number = try number(creating: stream)
                var head = try head(ofStream: number, named: stream)
                head.control = control
                remember(head, of: number)
                controlled = number
            }
            let stream = try number(creating: event.stream)
            var head = try head(ofStream: stream, named: event.stream)
            try insert(
                new, in: stream, named: event.stream, &head, at: event.recordedAt.microseconds, 0, of: 1,
                controls: controlled)
            remember(head, of: stream)
        }
    }

    /// Leaves receipts for commands that are not known.
    ///
    /// - Throws: ``LogCopyError/unknownResult(command:)``, ``LogCopyError/commandDiffers(command:)``.
    func importCommands(_ commands: [RecordedCommand]) throws {
        for command in commands {
            let result = command.result
            guard result.position.rawValue <= last.position else {
                throw LogCopyError.unknownResult(command: command.command)
            }
            if let known = try looking({ try receipt(for: command.command) }) {
                guard known.digest == command.digest, known.result == result else {
                    throw LogCopyError.commandDiffers(command: command.command)
                }
                continue
            }
            var ends: [(name: Int64, version: Int64)] = []
            for end in result.streams {
                guard let number = try number(of: end.stream) else {
                    throw LogCopyError.unknownResult(command: command.command)
                }
                ends.append((number, end.version?.rawValue ?? -1))
            }
            // The record of an imported event does not tell its append: the receipt points back at it.
            try insertCommit(
                CommitRecord(
                    digest: command.digest, position: result.position.rawValue,
                    recordedAt: result.recordedAt.microseconds, eventCount: UInt32(result.eventCount),
                    command: command.command.rawValue, streams: ends, pointsBack: true))
        }
    }

    /// Looks something up; a failure of the store is thrown as what it is.
    private func looking<Value>(_ body: () throws -> Value) throws -> Value {
        lookupFailure = nil
        do { return try body() } catch {
            if let lookupFailure { throw lookupFailure }
            throw error
        }
    }
}
