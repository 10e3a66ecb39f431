/// Settings of a group of consumers: what is nil is as it was, or as the server has it for new groups.
package struct GroupChange: WireMessage, Hashable {
    /// Where a group begins that has no checkpoint.
    package enum Start: Sendable, Hashable {
        case start
        /// With what is recorded from now on.
        case end
        /// A revision of the stream, or a position of `$all`.
        case at(Int64)
    }

    package var start: Start?
    package var resolvesLinks: Bool?
    package var measuresTimes: Bool?
    /// In milliseconds.
    package var messageTimeout: Int64?
    package var maxRetryCount: Int64?
    /// In milliseconds.
    package var checkpointAfter: Int64?
    package var minCheckpointCount: Int64?
    package var maxCheckpointCount: Int64?
    package var maxSubscriberCount: Int64?
    package var liveBufferSize: Int64?
    package var readBatchSize: Int64?
    package var historyBufferSize: Int64?
    /// `RoundRobin`, `DispatchToSingle`, `Pinned` or `PinnedByCorrelation`.
    package var strategy: String?

    package init() {}

    package func write(to writer: inout WireWriter) {
        switch start {
        case .start: writer.number(1, optional: 0)
        case .end: writer.number(1, optional: 1)
        case .at(let place):
            writer.number(1, optional: 2)
            writer.number(2, place)
        case nil: break
        }
        writer.number(3, optional: resolvesLinks.map { $0 ? 1 : 0 })
        writer.number(4, optional: measuresTimes.map { $0 ? 1 : 0 })
        writer.number(5, optional: messageTimeout)
        writer.number(6, optional: maxRetryCount)
        writer.number(7, optional: checkpointAfter)
        writer.number(8, optional: minCheckpointCount)
        writer.number(9, optional: maxCheckpointCount)
        writer.number(10, optional: maxSubscriberCount)
        writer.number(11, optional: liveBufferSize)
        writer.number(12, optional: readBatchSize)
        writer.number(13, optional: historyBufferSize)
        writer.text(14, optional: strategy)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init()
        var kind: Int64?
        var place: Int64 = 0
        while let field = try reader.next() {
            switch field.number {
            case 1: kind = try reader.number(field)
            case 2: place = try reader.number(field)
            case 3: resolvesLinks = try reader.flag(field)
            case 4: measuresTimes = try reader.flag(field)
            case 5: messageTimeout = try reader.number(field)
            case 6: maxRetryCount = try reader.number(field)
            case 7: checkpointAfter = try reader.number(field)
            case 8: minCheckpointCount = try reader.number(field)
            case 9: maxCheckpointCount = try reader.number(field)
            case 10: maxSubscriberCount = try reader.number(field)
            case 11: liveBufferSize = try reader.number(field)
            case 12: readBatchSize = try reader.number(field)
            case 13: historyBufferSize = try reader.number(field)
            case 14: strategy = try reader.text(field)
            default: break
            }
        }
        switch kind {
        case nil: break
        case 0?: start = .start
        case 1?: start = .end
        case 2?: start = .at(place)
        default: throw WireError("A group begins in a way that is not known.")
        }
    }
}
