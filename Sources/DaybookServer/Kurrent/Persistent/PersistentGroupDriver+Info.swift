#if Server
import DaybookCore
import KurrentProtocol

extension PersistentGroupDriver {
    typealias Info = EventStore_Client_PersistentSubscriptions_SubscriptionInfo

    /// What clients are told of the group. What they are told per measurement counts from when this was last asked.
    func info() async throws -> Info {
        let parked = try await StreamsService.status { try await parkedStream.bounds() }
        let isReading = isReading
        return change { group in
            var info = Info()
            describe(&info)
            info.status = status(of: group, isReading: isReading)
            info.averagePerSecond = group.items.perSecond(since: group.startedAt, now: .now)
            info.totalItems = group.items.total
            info.countSinceLastMeasurement = group.items.sinceLastMeasurement()
            info.lastCheckpointedEventPosition = GroupPlace.text(group.progress.saved?.number, isAll: name.isAll)
            info.lastKnownEventPosition = GroupPlace.text(group.lastPlace?.number, isAll: name.isAll)
            if group.isLive {
                info.liveBufferCount = Int64(group.waiting.count)
            } else {
                info.readBufferCount = Int32(clamping: group.waiting.count)
            }
            info.retryBufferCount = Int32(clamping: group.retries.count)
            info.totalInFlightMessages = Int32(clamping: group.inFlight.count)
            info.outstandingMessagesCount = Int32(clamping: group.inFlight.count)
            info.parkedMessageCount = max(0, parked.upperBound - max(parked.lowerBound, group.replayedThrough))
            for id in group.clients.keys.sorted() {
                if let connection = connection(of: id, in: &group) { info.connections.append(connection) }
            }
            return info
        }
    }

    /// What was set.
    private func describe(_ info: inout Info) {
        info.eventSource = name.stream
        info.groupName = name.group
        info.resolveLinkTos = settings.resolvesLinks
        info.startFrom = settings.startText(isAll: name.isAll)
        info.messageTimeoutMilliseconds = Int32(clamping: settings.messageTimeout)
        info.extraStatistics = settings.measuresTimes
        info.maxRetryCount = settings.maxRetryCount
        info.liveBufferSize = settings.liveBufferSize
        info.bufferSize = settings.historyBufferSize
        info.readBatchSize = settings.readBatchSize
        info.checkPointAfterMilliseconds = Int32(clamping: settings.checkpointAfter)
        info.minCheckPointCount = settings.minCheckpointCount
        info.maxCheckPointCount = settings.maxCheckpointCount
        info.namedConsumerStrategy = settings.strategy.rawValue
        info.maxSubscriberCount = settings.maxSubscriberCount
    }

    func status(of group: PersistentGroup, isReading: Bool) -> String {
        guard group.isLoaded else { return "NotReady" }
        var flags = [group.isLive ? "Live" : "Behind"]
        if isReading, !group.isLive { flags.append("OutstandingPageRequest") }
        if group.replay?.isReading == true { flags.append("ReplayingParkedMessages") }
        return flags.joined(separator: ", ")
    }

    private func connection(of id: GroupClient.ID, in group: inout PersistentGroup) -> Info.ConnectionInfo? {
        guard let client = group.clients[id] else { return nil }
        let sinceLast = group.clients[id]?.items.sinceLastMeasurement() ?? 0
        return .with {
            $0.username = client.user
            $0.connectionName = client.name
            $0.averageItemsPerSecond = client.items.perSecond(since: client.connectedAt, now: .now)
            $0.totalItems = client.items.total
            $0.countSinceLastMeasurement = sinceLast
            $0.availableSlots = Int32(clamping: client.bufferSize - client.inFlight)
            $0.inFlightMessages = Int32(clamping: client.inFlight)
            if settings.measuresTimes {
                $0.observedMeasurements = client.times.measurements.map { measurement in
                    .with {
                        $0.key = measurement.key
                        $0.value = measurement.value
                    }
                }
            }
        }
    }
}
#endif
