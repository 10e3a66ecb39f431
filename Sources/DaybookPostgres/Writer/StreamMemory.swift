#if Postgres
import DaybookCore

/// What the writer remembers of the log's end and of streams, so that most groups need one round trip.
///
/// It holds as long as the log still ends where this writer saw it end: whatever changes a stream is an event.
struct StreamMemory {
    private var head: Int64?
    private var lastRecordedAt = Int64.min
    private var streams: [StreamName: GroupBasis.Stream] = [:]

    /// About 200 bytes each.
    private static let capacity = 50_000

    /// A basis for some requests, and the streams that it takes to be missing; nil when too little is remembered.
    func basis(
        for requests: [AppendRequest], on connection: Connection
    ) -> (basis: GroupBasis, missing: [StreamName])? {
        guard let head else { return nil }
        var known: [StreamName: GroupBasis.Stream] = [:]
        var missing: [StreamName] = []
        for request in requests {
            for write in request.writes where known[write.stream] == nil {
                if let stream = streams[write.stream] {
                    known[write.stream] = stream
                } else if write.expected == .noStream {
                    missing.append(write.stream)
                    known[write.stream] = GroupBasis.Stream(control: StreamControl(), firstOfGroup: 0)
                } else {
                    return nil
                }
            }
            for check in request.checks {
                // What is remembered of a control stream is that of its stream.
                let name = check.stream.controlled ?? check.stream
                guard known[name] == nil else { continue }
                guard let stream = streams[name] else { return nil }
                known[name] = stream
            }
        }
        return (GroupBasis(head: head, lastRecordedAt: lastRecordedAt, streams: known, on: connection), missing)
    }

    /// Takes in what a group has left behind, or found.
    mutating func remember(_ basis: GroupBasis) {
        if head != basis.baseHead { streams = [:] }
        if streams.count + basis.streams.count > Self.capacity { streams = [:] }
        head = basis.head.rawValue
        lastRecordedAt = basis.lastRecordedAt
        for (name, stream) in basis.streams {
            var stream = stream
            stream.firstOfGroup = (stream.lastVersion ?? -1) + 1
            streams[name] = stream
        }
    }

    mutating func forget() {
        head = nil
        streams = [:]
    }
}
#endif
