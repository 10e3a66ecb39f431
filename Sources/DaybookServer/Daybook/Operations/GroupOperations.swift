#if Server
import DaybookProtocol

/// The groups of consumers of KurrentDB's clients, as the server's own protocol looks after them.
struct GroupOperations: Sendable {
    let subscriptions: PersistentSubscriptions

    var routes: RPCRoutes {
        var routes = RPCRoutes()
        routes.add(.listGroups, .store(list))
        routes.add(.getGroup, .store(get))
        routes.add(.createGroup, .store(create))
        routes.add(.updateGroup, .store(update))
        routes.add(.deleteGroup, .store(delete))
        routes.add(.replayParked, .store(replayParked))
        routes.add(.restartGroups, .store(restart))
        return routes
    }

    // MARK: - What there is

    @Sendable private func list(_ request: GroupsRequest) async throws(OperationFailure) -> GroupDescriptions {
        var descriptions: [GroupDescription] = []
        do {
            for group in subscriptions.groups(of: request.stream) ?? [] {
                descriptions.append(try await group.description(withConsumers: false))
            }
        } catch {
            throw OperationFailure(error)
        }
        return GroupDescriptions(descriptions)
    }

    @Sendable private func get(_ request: GroupReference) async throws(OperationFailure) -> GroupDescriptions {
        do {
            let group = try subscriptions.group(PersistentGroupName(request))
            return GroupDescriptions([try await group.description(withConsumers: true)])
        } catch {
            throw OperationFailure(error)
        }
    }

    // MARK: - Changes

    @Sendable private func create(_ request: GroupChangeRequest) async throws(OperationFailure) -> WireNothing {
        let name = PersistentGroupName(request.group)
        guard !name.stream.isEmpty, !name.group.isEmpty else {
            throw OperationFailure(.invalid, "A group has a stream, or $all, and a name.")
        }
        guard request.filter == nil || name.isAll else {
            throw OperationFailure(
                .invalid, "Only groups of $all have a filter; '\(name.stream)' is one stream: leave the filter out.")
        }
        do {
            let filter = request.filter.map { KurrentFilter.Definition($0) }
            if let filter { _ = try KurrentFilter(filter) }
            let settings = try PersistentSettings().changed(by: request.change, of: name)
            try await subscriptions.create(name, settings: settings, filter: filter)
        } catch {
            throw OperationFailure(error)
        }
        return WireNothing()
    }

    @Sendable private func update(_ request: GroupChangeRequest) async throws(OperationFailure) -> WireNothing {
        do {
            try await subscriptions.change(PersistentGroupName(request.group), by: request.change)
        } catch {
            throw OperationFailure(error)
        }
        return WireNothing()
    }

    @Sendable private func delete(_ request: GroupReference) async throws(OperationFailure) -> WireNothing {
        do {
            try await subscriptions.delete(PersistentGroupName(request))
        } catch {
            throw OperationFailure(error)
        }
        return WireNothing()
    }

    @Sendable private func replayParked(_ request: ReplayParkedRequest) async throws(OperationFailure) -> WireNothing {
        if let end = request.end, end < 0 {
            throw OperationFailure(.invalid, "Parked events are counted from 0; \(end) is none of them.")
        }
        do {
            let group = try subscriptions.group(PersistentGroupName(request.group))
            try await group.replayParked(until: request.end)
        } catch {
            throw OperationFailure(error)
        }
        return WireNothing()
    }

    @Sendable private func restart(_ request: WireNothing) async throws(OperationFailure) -> WireNothing {
        do { try await subscriptions.restart() } catch { throw OperationFailure(error) }
        return WireNothing()
    }
}

extension PersistentGroupName {
    fileprivate init(_ reference: GroupReference) { self.init(stream: reference.stream, group: reference.group) }
}

extension KurrentFilter.Definition {
    fileprivate init(_ filter: GroupFilter) {
        self.init(subject: filter.isOfTypes ? .type : .stream, regex: filter.pattern, prefixes: filter.prefixes)
    }
}
#endif
