#if Server
import DaybookCore
import KurrentProtocol
import SwiftProtobuf

extension PersistentSettings {
    /// - Parameters:
    ///   - start: Where the request says that the group begins.
    ///   - name: The group's, for what is said when the settings cannot be.
    init(
        _ settings: EventStore_Client_PersistentSubscriptions_CreateReq.Settings, start: Start,
        of name: PersistentGroupName
    ) throws(RPCStatus) {
        self.start = start
        resolvesLinks = settings.resolveLinks
        measuresTimes = settings.extraStatistics
        switch settings.messageTimeout {
        case .messageTimeoutTicks(let ticks): messageTimeout = Self.milliseconds(ticks: ticks)
        case .messageTimeoutMs(let milliseconds): messageTimeout = Int64(max(0, milliseconds))
        case nil: messageTimeout = 0
        }
        switch settings.checkpointAfter {
        case .checkpointAfterTicks(let ticks): checkpointAfter = Self.milliseconds(ticks: ticks)
        case .checkpointAfterMs(let milliseconds): checkpointAfter = Int64(max(0, milliseconds))
        case nil: checkpointAfter = 0
        }
        maxRetryCount = settings.maxRetryCount
        minCheckpointCount = settings.minCheckpointCount
        maxCheckpointCount = settings.maxCheckpointCount
        maxSubscriberCount = settings.maxSubscriberCount
        liveBufferSize = settings.liveBufferSize
        readBatchSize = settings.readBatchSize
        historyBufferSize = settings.historyBufferSize
        if settings.consumerStrategy.isEmpty {
            switch settings.namedConsumerStrategy {
            case .dispatchToSingle: strategy = .dispatchToSingle
            case .roundRobin: strategy = .roundRobin
            case .pinned: strategy = .pinned
            case .UNRECOGNIZED(let value):
                throw .groupFailed(name, "Consumer strategy \(value) does not exist.")
            }
        } else if let named = ConsumerStrategy(rawValue: settings.consumerStrategy) {
            strategy = named
        } else {
            throw .groupFailed(name, "Consumer strategy \(settings.consumerStrategy.prefix(80)) does not exist.")
        }
        try check(name)
    }

    /// The settings of an update are those of a creation on the wire, but for a strategy by its name, which they have not.
    init(
        _ settings: EventStore_Client_PersistentSubscriptions_UpdateReq.Settings, start: Start,
        of name: PersistentGroupName
    ) throws(RPCStatus) {
        let same: EventStore_Client_PersistentSubscriptions_CreateReq.Settings
        do {
            same = try .init(serializedBytes: try settings.serializedBytes() as [UInt8])
        } catch {
            throw .groupFailed(name, "The settings cannot be read.")
        }
        try self.init(same, start: start, of: name)
    }

    /// 100 ns each.
    private static func milliseconds(ticks: Int64) -> Int64 { max(0, ticks / 10_000) }

    func check(_ name: PersistentGroupName) throws(RPCStatus) {
        guard readBatchSize < historyBufferSize else {
            throw .groupFailed(
                name,
                "read_batch_size (\(readBatchSize)) is not below history_buffer_size (\(historyBufferSize)).")
        }
    }
}
#endif
