#if Client
import DaybookCore
import DaybookProtocol

/// The store of a server whose log can be copied; see ``DaybookClient/copyable()``.
public struct CopyableDaybookClient: CopyableStore {
    public let client: DaybookClient
    public let keepsPositions: Bool

    public func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        try await client.append(request)
    }

    public func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try await client.readPage(of: stream, from: cursor, direction: direction, limit: limit)
    }

    public func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try await client.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
    }

    public func state(of stream: StreamName) async throws(ReadError) -> StreamState {
        try await client.state(of: stream)
    }

    public func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await client.streams(after: after, limit: limit)
    }

    public func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await client.receipt(for: command)
    }

    public func head() async throws(ReadError) -> Position { try await client.head() }

    public func head(beyond position: Position) async throws(ReadError) -> Position {
        try await client.head(beyond: position)
    }

    /// Together with their names and tags the events have at most 17 MB. Where an answer was lost, ``LogCopy`` goes on with what
    /// is there.
    @discardableResult
    public func importEvents(_ events: [RecordedEvent]) async throws(LogCopyError) -> [Position] {
        let page = try await importing(.importEvents, ImportedEvents(events), for: ImportedPositions.self, .unsent)
        return page.positions
    }

    public func importCommands(_ commands: [RecordedCommand]) async throws(LogCopyError) {
        // One that is known by the same result is passed over.
        _ = try await importing(.importCommands, RecordedCommands(commands), for: WireNothing.self, .always)
    }

    private func importing<Success: WireMessage>(
        _ method: StoreMethod, _ request: some WireMessage, for success: Success.Type,
        _ repetition: StoreLink.Repetition
    ) async throws(LogCopyError) -> Success {
        let answer: StoreLink.Answer<Success, LogCopyError>
        do throws(CallFailure) {
            answer = try await client.link.ask(
                method, request, for: Success.self, or: LogCopyError.self, repeating: repetition)
        } catch {
            throw LogCopyError(error)
        }
        switch answer.result {
        case .success(let success): return success
        case .failure(.cancelled): throw .storageFailed(reason: "the server gave the copy up", mayBeWritten: true)
        case .failure(let error): throw error
        }
    }

    public func commands(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand] {
        try checkPageLimit(limit)
        return try await client.link.read(
            .listCommands, ListCommandsRequest(after: number, limit: limit), for: RecordedCommands.self
        ).commands
    }
}

extension CopyableDaybookClient: HealthReporting {
    public func health(_ policy: HealthPolicy) async throws(ReadError) -> StoreHealth {
        try await client.health(policy)
    }
}

extension DaybookClient {
    /// The server's store as one whose log can be copied, to it and from it.
    ///
    /// - Throws: ``ReadError/storageFailed(reason:)`` when the store of the server is none, or the server cannot be reached.
    public func copyable() async throws(ReadError) -> CopyableDaybookClient {
        let description = try await link.read(.describeCopy, WireNothing(), for: CopyDescription.self)
        return CopyableDaybookClient(client: self, keepsPositions: description.keepsPositions)
    }
}
#endif
