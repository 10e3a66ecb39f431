import DaybookCore
import DaybookTesting

/// A store whose positions are its own, with gaps: every third one has an event.
struct GappedStore: ForwardingStore, CopyableStore {
    let dense: any CopyableStore

    var base: any EventStore { dense }
    var keepsPositions: Bool { false }

    private func gapped(_ position: Position) -> Position { Position(position.rawValue * 3) }

    /// The last event at a position or below it.
    private func below(_ position: Position) -> Position { Position(position.rawValue / 3) }

    private func above(_ position: Position) -> Position {
        Position(position.rawValue / 3 + (position.rawValue % 3 > 0 ? 1 : 0))
    }

    private func moved(_ event: RecordedEvent, to position: Position) -> RecordedEvent {
        RecordedEvent(
            id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
            data: event.data, metadata: event.metadata, tags: event.tags, stream: event.stream, version: event.version,
            position: position, recordedAt: event.recordedAt)
    }

    private func gapped(_ result: AppendResult) -> AppendResult {
        var result = result
        result.position = gapped(result.position)
        return result
    }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        gapped(try await dense.append(request))
    }

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        var cursor = cursor
        if case .position(let position) = cursor {
            cursor = .position(direction == .forward ? above(position) : below(position))
        }
        let page = try await dense.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
        return LogPage(
            events: page.events.map { moved($0, to: gapped($0.position)) },
            scannedThrough: gapped(page.scannedThrough), isAtEnd: page.isAtEnd)
    }

    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await dense.receipt(for: command).map { gapped($0) }
    }

    func head() async throws(ReadError) -> Position { gapped(try await dense.head()) }

    func head(beyond position: Position) async throws(ReadError) -> Position {
        gapped(try await dense.head(beyond: below(position)))
    }

    func importEvents(_ events: [RecordedEvent]) async throws(LogCopyError) -> [Position] {
        let head: Position
        do { head = try await dense.head() } catch { throw LogCopyError(error) }
        for (event, next) in zip(events, events.dropFirst()) where next.position <= event.position {
            throw .notNext(position: next.position, head: event.position)
        }
        let places = try await dense.importEvents(
            events.enumerated().map { moved($1, to: Position(head.rawValue + Int64($0) + 1)) })
        return places.map { gapped($0) }
    }

    func importCommands(_ commands: [RecordedCommand]) async throws(LogCopyError) {
        try await dense.importCommands(
            commands.map { command in
                var result = command.result
                result.position = below(result.position)
                return RecordedCommand(
                    number: command.number, command: command.command, digest: command.digest, result: result)
            })
    }

    func commands(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand] {
        try await dense.commands(after: number, limit: limit).map { command in
            RecordedCommand(
                number: command.number, command: command.command, digest: command.digest,
                result: gapped(command.result))
        }
    }
}
