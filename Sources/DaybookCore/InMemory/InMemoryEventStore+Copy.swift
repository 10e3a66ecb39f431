extension InMemoryEventStore: CopyableStore {
    @discardableResult
    public func importEvents(_ events: [RecordedEvent]) async throws(LogCopyError) -> [Position] {
        let woken: Result<[Waiter], any Error> = state.withLock { state in
            Result {
                try LogCopyError.check(events, follow: state.head, recordedAt: state.log.last?.recordedAt) {
                    state.lastVersion(of: $0)
                }
                for event in events { state.importEvents(event) }
                return state.takeWaiters()
            }
        }
        do {
            let head = state.withLock(\.head)
            for waiter in try woken.get() { waiter.resume(.success(head)) }
            return events.map(\.position)
        } catch let error as LogCopyError {
            throw error
        } catch {
            throw .storageFailed(reason: "\(error)", mayBeWritten: false)
        }
    }

    public func importCommands(_ commands: [RecordedCommand]) async throws(LogCopyError) {
        let result: Result<Void, LogCopyError> = state.withLock { state in
            Result { () throws(LogCopyError) in
                for command in commands { try state.check(command) }
                for command in commands where state.receipts[command.command] == nil {
                    state.receipts[command.command] = Receipt(digest: command.digest, result: command.result)
                    state.commands.append(command.command)
                }
            }
        }
        try result.get()
    }

    public func commands(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand] {
        try checkPageLimit(limit)
        return state.withLock { state in
            let start = Int(min(max(0, number), Int64(state.commands.count)))
            return state.commands[start...].prefix(limit).enumerated().compactMap { index, command in
                state.receipts[command].map {
                    RecordedCommand(
                        number: Int64(start + index + 1), command: command, digest: $0.digest, result: $0.result)
                }
            }
        }
    }
}

extension InMemoryEventStore.State {
    fileprivate func check(_ command: RecordedCommand) throws(LogCopyError) {
        let result = command.result
        let isKnown = result.streams.allSatisfy { streams[$0.stream] != nil || controls[$0.stream] != nil }
        guard result.position <= head, isKnown else { throw .unknownResult(command: command.command) }
        guard let known = receipts[command.command] else { return }
        guard known.digest == command.digest, known.result == result else {
            throw .commandDiffers(command: command.command)
        }
    }

    fileprivate mutating func importEvents(_ event: RecordedEvent) {
        let written = event.stream.controlled ?? event.stream
        if streams[written] == nil, controls[written] == nil { order.append(written) }
        if event.stream.isControl { controls[written] = StreamControl(decoding: event.data) }
        streams[event.stream, default: []].append(event.position)
        log.append(event)
    }
}
