#if Client
import DaybookCore
import DaybookProtocol

extension StoreLink {
    /// Asks what changes nothing, so that it may be asked again.
    func read<Success: WireMessage>(
        _ method: StoreMethod, _ request: some WireMessage, for success: Success.Type, isWait: Bool = false
    ) async throws(ReadError) -> Success {
        let answer: Answer<Success, ReadError>
        do throws(CallFailure) {
            answer = try await ask(
                method, request, for: Success.self, or: ReadError.self, repeating: .always, isWait: isWait)
        } catch {
            throw ReadError(error)
        }
        switch answer.result {
        case .success(let success): return success
        case .failure(.cancelled): throw .storageFailed(reason: "the server gave the read up")
        case .failure(let error): throw error
        }
    }

    /// The head of the log, once it is beyond a position, if one is given.
    func head(beyond position: Position?) async throws(ReadError) -> Position {
        guard let position else {
            return try await read(.head, WireNothing(), for: PositionMessage.self).position ?? .start
        }
        let answer = try await read(
            .headBeyond, PositionMessage(position), for: PositionMessage.self, isWait: true)
        return answer.position ?? .start
    }
}

extension DaybookClient {
    public func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try checkPageLimit(limit)
        return try await link.read(
            .readStream, StreamPageRequest(stream: stream, cursor: cursor, direction: direction, limit: limit),
            for: StreamPage.self)
    }

    public func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try checkPageLimit(limit)
        try filter.query?.validate()
        return try await link.read(
            .readLog, LogPageRequest(cursor: cursor, direction: direction, filter: filter, limit: limit),
            for: LogPage.self)
    }

    public func state(of stream: StreamName) async throws(ReadError) -> StreamState {
        try await link.read(.state, NamedRequest(stream), for: StateAnswer.self).state
    }

    public func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try checkPageLimit(limit)
        return try await link.read(.streams, StreamsRequest(after: after, limit: limit), for: StreamsPage.self).streams
    }

    public func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await link.read(.receipt, NamedRequest(command), for: MaybeResult.self).result
    }

    public func head() async throws(ReadError) -> Position { try await link.head(beyond: nil) }

    /// Waits for as long as it takes. While there is no connection it waits for ``ClientConfiguration/timeout``.
    ///
    /// What it returns at once may be a head that this client was told a moment before, when others have gone on meanwhile.
    public func head(beyond position: Position) async throws(ReadError) -> Position {
        try await heads.head(beyond: position)
    }
}

extension DaybookClient: HealthReporting {
    public func health(_ policy: HealthPolicy) async throws(ReadError) -> StoreHealth {
        try await link.read(.health, policy, for: StoreHealth.self)
    }
}
#endif
