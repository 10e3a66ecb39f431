import DaybookCore

extension CommandHandler {
    /// The receipt of a command that was recorded before; nil when it was not.
    func earlierReceipt(
        for commandID: CommandID, stream: StreamName
    ) async throws(CommandError<D.Rejection>) -> CommandReceipt<D.Event>? {
        let result: AppendResult?
        do { result = try await store.receipt(for: commandID) } catch { throw CommandError(error) }
        guard let result else { return nil }
        let records = stream.commands
        guard result.streams.allSatisfy({ $0.stream == stream || $0.stream == records }) else {
            throw .append(.commandReused(id: commandID))
        }
        if result.streams.isEmpty { try await checkSubject(of: commandID, is: stream) }
        return try await receipt(of: result, in: stream)
    }

    /// Refuses the identifier of a command that wrote nothing on another subject: the receipt names no stream, but the
    /// store tells by it which ones were checked.
    private func checkSubject(
        of commandID: CommandID, is stream: StreamName
    ) async throws(CommandError<D.Rejection>) {
        // Older receipts are those of a request without checks.
        for checks: [StreamCheck] in [[StreamCheck(stream: stream, expected: .any)], []] {
            do throws(AppendError) {
                _ = try await store.append(AppendRequest(checks: checks, commandID: commandID))
                return
            } catch {
                guard case .commandReused = error else { throw CommandError(error) }
            }
        }
        throw .append(.commandReused(id: commandID))
    }

    /// A receipt made from what the store remembers, with the events read from the log again.
    func receipt(
        of result: AppendResult, in stream: StreamName
    ) async throws(CommandError<D.Rejection>) -> CommandReceipt<D.Event> {
        let end = result.streams.first { $0.stream == stream }
        var version = end?.version
        if end == nil {  // A command that decided nothing: the version is that of its moment.
            do {
                let page = try await store.readPage(
                    of: stream, from: .position(result.position), direction: .backward, limit: 1)
                version = page.events.first?.version
            } catch {
                throw CommandError(recorded: error)
            }
        }
        return CommandReceipt(
            stream: stream, version: version, position: result.position,
            events: end == nil
                ? [] : try await events(of: stream, endingAt: result.position, count: result.eventCount),
            isRepeat: true,
            recordedAt: result.recordedAt)
    }

    /// The events of one append to a stream. They are read from the log, where they stay even when their stream is deleted.
    private func events(
        of stream: StreamName, endingAt position: Position, count: Int
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
                throw CommandError(recorded: error)
            }
            for event in page.events where event.stream == stream {
                // Backwards, as the page goes; all are turned round at the end.
                do { events.append(contentsOf: try codec.decode(event).reversed()) } catch {
                    throw .append(.notReadAgain(error.description))
                }
            }
            remaining -= page.events.count
            if page.isAtEnd { break }
            cursor = page.scannedThrough.previous
        }
        return events.reversed()
    }
}

extension StreamName {
    /// Where the commands on this stream's subject are recorded.
    @usableFromInline
    var commands: StreamName {
        id.map { StreamName(unchecked: "\(category.commands)-\($0)") } ?? StreamName(unchecked: "\(self)_commands")
    }
}
