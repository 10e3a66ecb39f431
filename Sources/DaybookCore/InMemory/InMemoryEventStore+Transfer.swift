extension InMemoryEventStore: TransferableStore {
    public func takeOver(_ events: [RecordedEvent]) async throws(TransferError) {
        let woken: Result<[Waiter], any Error> = state.withLock { state in
            Result {
                try TransferError.check(events, follow: state.head, recordedAt: state.log.last?.recordedAt) {
                    state.lastVersion(of: $0)
                }
                for event in events { state.takeOver(event) }
                return state.takeWaiters()
            }
        }
        do {
            let head = state.withLock(\.head)
            for waiter in try woken.get() { waiter.resume(.success(head)) }
        } catch let error as TransferError {
            throw error
        } catch {
            throw .storageFailed(reason: "\(error)", mayBeWritten: false)
        }
    }

    public func takeOver(_ receipts: [RecordedCommand]) async throws(TransferError) {
        let unknown: CommandID? = state.withLock { state in
            if let receipt = receipts.first(where: { $0.result.position > state.head }) { return receipt.command }
            for receipt in receipts where state.receipts[receipt.command] == nil {
                state.receipts[receipt.command] = Receipt(digest: receipt.digest, result: receipt.result)
                state.commands.append(receipt.command)
            }
            return nil
        }
        if let unknown { throw .unknownResult(command: unknown) }
    }

    public func receipts(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand] {
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
    fileprivate mutating func takeOver(_ event: RecordedEvent) {
        let written = event.stream.controlled ?? event.stream
        if streams[written] == nil, controls[written] == nil { order.append(written) }
        if event.stream.isControl { controls[written] = StreamControl(decoding: event.data) }
        streams[event.stream, default: []].append(event.position)
        log.append(event)
    }
}
