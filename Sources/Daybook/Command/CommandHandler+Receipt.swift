import DaybookCore

extension CommandHandler {
    /// The receipt of a command that was recorded before; nil when it was not.
    func earlierReceipt(
        for commandID: CommandID, stream: StreamName
    ) async throws(CommandError<D.Rejection>) -> CommandReceipt<D.Event>? {
        let result: AppendResult?
        do { result = try await store.receipt(for: commandID) } catch { throw CommandError(error) }
        guard let result else { return nil }
        guard result.streams.allSatisfy({ $0.stream == stream }) else {
            throw .append(.commandReused(id: commandID))
        }
        return try await receipt(of: result, in: stream)
    }

    /// A receipt made from what the store remembers, with the events read from the log again.
    func receipt(
        of result: AppendResult, in stream: StreamName
    ) async throws(CommandError<D.Rejection>) -> CommandReceipt<D.Event> {
        var version = result.version
        if result.streams.isEmpty {  // A command that decided nothing: the version is that of its moment.
            do {
                let page = try await store.readPage(
                    of: stream, from: .position(result.position), direction: .backward, limit: 1)
                version = page.events.first?.version
            } catch {
                throw CommandError(error)
            }
        }
        return CommandReceipt(
            stream: stream, version: version, position: result.position,
            events: try await events(endingAt: result.position, count: result.eventCount), isRepeat: true,
            recordedAt: result.recordedAt)
    }

    /// The events of one append. They are read from the log, where they stay even when their stream is deleted.
    private func events(
        endingAt position: Position, count: Int
    ) async throws(CommandError<D.Rejection>) -> [D.Event] {
        var events: [D.Event] = []
        var cursor = position
        var remaining = count
        while remaining > 0 {
            let page: LogPage
            do {
                page = try await store.readPage(
                    from: .position(cursor), direction: .backward, filter: .all,
                    limit: min(remaining, Limits.eventsPerPage))
            } catch {
                throw CommandError(error)
            }
            for event in page.events {
                // Backwards, as the page goes; all are turned round at the end.
                do { events.append(contentsOf: try codec.decode(event).reversed()) } catch { throw .undecodable(error) }
            }
            remaining -= page.events.count
            if page.isAtEnd { break }
            cursor = page.scannedThrough.previous
        }
        return events.reversed()
    }
}
