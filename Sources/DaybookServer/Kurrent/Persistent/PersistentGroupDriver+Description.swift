#if Server
import DaybookProtocol

extension PersistentGroupDriver {
    /// How many consumers are told of one by one.
    private static let consumersDescribed = 1_000

    /// What operators are told of the group by the server's own protocol. It leaves what KurrentDB's clients are told per
    /// measurement as it is.
    func description(withConsumers: Bool) async throws -> GroupDescription {
        let bounds = try await StreamsService.status { try await parkedStream.bounds() }
        let isReading = isReading
        return look { group -> GroupDescription in
            var description = GroupDescription(GroupReference(stream: name.stream, group: name.group))
            description.status = status(of: group, isReading: isReading)
            description.settings = settings.asChange
            description.startsFrom = settings.startText(isAll: name.isAll)
            description.filter = (filter?.definition).map { filter in
                GroupFilter(
                    isOfTypes: filter.subject == .type, pattern: filter.regex, prefixes: filter.prefixes)
            }
            description.checkpoint = GroupPlace.text(group.progress.saved?.number, isAll: name.isAll)
            description.lastRead = GroupPlace.text(group.lastPlace?.number, isAll: name.isAll)
            description.waiting = Int64(group.waiting.count)
            description.inFlight = Int64(group.inFlight.count)
            description.retrying = Int64(group.retries.count)
            description.parked = max(0, bounds.upperBound - max(bounds.lowerBound, group.replayedThrough))
            description.delivered = group.items.total
            description.perSecond = Int64(group.items.perSecond(since: group.startedAt, now: .now))
            description.consumerCount = Int64(group.clients.count)
            guard withConsumers else { return description }
            for id in group.clients.keys.sorted().prefix(Self.consumersDescribed) {
                guard let client = group.clients[id] else { continue }
                description.consumers.append(
                    GroupDescription.Consumer(
                        name: client.name, user: client.user, delivered: client.items.total,
                        inFlight: Int64(client.inFlight), room: Int64(client.bufferSize - client.inFlight)))
            }
            return description
        }
    }
}
#endif
