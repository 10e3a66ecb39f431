import ArgumentParser
import DaybookProtocol

/// How a group is to work. What is left out is as it was, or as new groups have it.
struct GroupSettingsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where a group without a checkpoint begins: start, end, or a number; the version of its stream, or the position in "
                + "the log.", valueName: "place"))
    var from: GroupStart?
    @Option(help: "RoundRobin, DispatchToSingle, Pinned or PinnedByCorrelation.") var strategy: String?
    @Option(help: "Milliseconds that a consumer may take for an event; then it is tried again.") var messageTimeout:
        Int64?
    @Option(help: "How often an event is tried again until it is parked.") var maxRetries: Int64?
    @Option(help: "The consumers that there may be at once; 0 for any number.") var maxConsumers: Int64?
    @Option(help: "Milliseconds after which a checkpoint is saved.") var checkpointAfter: Int64?
    @Option(help: "Events after which a checkpoint is saved at the earliest.") var minCheckpointCount: Int64?
    @Option(help: "Events after which a checkpoint is saved at the latest.") var maxCheckpointCount: Int64?
    @Option(help: "Events that are held when the group is at the end of what it reads.") var liveBuffer: Int64?
    @Option(help: "Events that are held when it is behind.") var historyBuffer: Int64?
    @Option(help: "Events that are read at once, fewer than are held.") var readBatch: Int64?
    @Flag(inversion: .prefixedNo, help: "Give consumers the events that links lead to.") var resolveLinks: Bool?
    @Flag(inversion: .prefixedNo, help: "Measure how long consumers take.") var measureTimes: Bool?

    func validate() throws {
        let counts = [
            messageTimeout, maxRetries, maxConsumers, checkpointAfter, minCheckpointCount, maxCheckpointCount,
            liveBuffer,
            historyBuffer, readBatch,
        ]
        guard counts.allSatisfy({ (0...Int64(Int32.max)).contains($0 ?? 0) }) else {
            throw ValidationError("Settings are numbers from 0 to \(Int32.max).")
        }
    }

    var change: GroupChange {
        var change = GroupChange()
        change.start = from?.start
        change.strategy = strategy
        change.messageTimeout = messageTimeout
        change.maxRetryCount = maxRetries
        change.maxSubscriberCount = maxConsumers
        change.checkpointAfter = checkpointAfter
        change.minCheckpointCount = minCheckpointCount
        change.maxCheckpointCount = maxCheckpointCount
        change.liveBufferSize = liveBuffer
        change.historyBufferSize = historyBuffer
        change.readBatchSize = readBatch
        change.resolvesLinks = resolveLinks
        change.measuresTimes = measureTimes
        return change
    }
}
