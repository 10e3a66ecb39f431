#if Server
import DaybookCore
import DaybookProtocol

/// The log of a store that can be copied: all of it, as it is, so that it is for admins.
struct CopyService: Sendable {
    let store: any CopyableStore
    /// Whose store it is; told of what is written.
    let log: KurrentLog

    var routes: RPCRoutes {
        var routes = RPCRoutes()
        routes.add(.describeCopy, .store(describe))
        routes.add(.importEvents, .store(importEvents))
        routes.add(.importCommands, .store(importCommands))
        routes.add(.listCommands, .store(commands))
        return routes
    }

    @Sendable private func describe(_ request: WireNothing) async throws(ReadError) -> CopyDescription {
        CopyDescription(keepsPositions: store.keepsPositions)
    }

    @Sendable private func importEvents(_ request: ImportedEvents) async throws(LogCopyError) -> ImportedPositions {
        ImportedPositions(try await log.importEvents(request.events, by: store))
    }

    @Sendable private func importCommands(_ request: RecordedCommands) async throws(LogCopyError) -> WireNothing {
        try await store.importCommands(request.commands)
        return WireNothing()
    }

    @Sendable private func commands(_ request: ListCommandsRequest) async throws(ReadError) -> RecordedCommands {
        RecordedCommands(try await store.commands(after: request.after, limit: request.limit))
    }
}
#endif
