#if Server
import DaybookProtocol

extension PersistentSettings {
    /// The same settings, but for those that are to change.
    ///
    /// - Parameter name: The group's, for what is said when the settings cannot be.
    func changed(by change: GroupChange, of name: PersistentGroupName) throws(RPCStatus) -> PersistentSettings {
        var settings = self
        switch change.start {
        case .start: settings.start = .start
        case .end: settings.start = .end(after: 0)
        case .at(let place):
            guard place >= 0 else { throw .groupFailed(name, "It cannot start at \(place).") }
            settings.start = .at(place)
        case nil: break
        }
        settings.resolvesLinks = change.resolvesLinks ?? resolvesLinks
        settings.measuresTimes = change.measuresTimes ?? measuresTimes
        settings.messageTimeout = max(0, change.messageTimeout ?? messageTimeout)
        settings.checkpointAfter = max(0, change.checkpointAfter ?? checkpointAfter)
        settings.maxRetryCount = Self.count(change.maxRetryCount) ?? maxRetryCount
        settings.minCheckpointCount = Self.count(change.minCheckpointCount) ?? minCheckpointCount
        settings.maxCheckpointCount = Self.count(change.maxCheckpointCount) ?? maxCheckpointCount
        settings.maxSubscriberCount = Self.count(change.maxSubscriberCount) ?? maxSubscriberCount
        settings.liveBufferSize = Self.count(change.liveBufferSize) ?? liveBufferSize
        settings.readBatchSize = Self.count(change.readBatchSize) ?? readBatchSize
        settings.historyBufferSize = Self.count(change.historyBufferSize) ?? historyBufferSize
        if let strategy = change.strategy {
            guard let named = ConsumerStrategy(rawValue: strategy) else {
                throw .groupFailed(name, "Consumer strategy \(strategy.prefix(80)) does not exist.")
            }
            settings.strategy = named
        }
        try settings.check(name)
        return settings
    }

    private static func count(_ value: Int64?) -> Int32? { value.map { Int32(clamping: max(0, $0)) } }

    /// All of them, but for where the group begins, whose number nobody but the server needs.
    var asChange: GroupChange {
        var change = GroupChange()
        change.resolvesLinks = resolvesLinks
        change.measuresTimes = measuresTimes
        change.messageTimeout = messageTimeout
        change.maxRetryCount = Int64(maxRetryCount)
        change.checkpointAfter = checkpointAfter
        change.minCheckpointCount = Int64(minCheckpointCount)
        change.maxCheckpointCount = Int64(maxCheckpointCount)
        change.maxSubscriberCount = Int64(maxSubscriberCount)
        change.liveBufferSize = Int64(liveBufferSize)
        change.readBatchSize = Int64(readBatchSize)
        change.historyBufferSize = Int64(historyBufferSize)
        change.strategy = strategy.rawValue
        return change
    }
}
#endif
