import DaybookCore

/// Events that are appended in one request: as many as keep the order of the input, since a request names each stream
/// once, and its writes are recorded one after the other.
struct ImportBatch {
    static let maximumEvents = 5_000
    static let maximumBytes = 4 << 20
    static let maximumStreams = Limits.streamsPerAppend

    private var writes: [StreamWrite] = []
    /// The write at hand: its stream, its first version and its events.
    private var writing: (stream: StreamName, version: StreamVersion)?
    private var writingEvents: [NewEvent] = []
    private(set) var events = 0
    private(set) var newStreams = 0
    private(set) var lines: ClosedRange<Int> = 0...0
    private var bytes = 0
    private var streams: Set<StreamName> = []
    private var identifiers: Set<EventID> = []
    private var nextVersion = StreamVersion.first

    var isEmpty: Bool { events == 0 }

    /// Everything added, as one request.
    var request: AppendRequest {
        var batch = self
        batch.finishWrite()
        return AppendRequest(writes: batch.writes)
    }

    private mutating func finishWrite() {
        guard let writing else { return }
        writes.append(
            StreamWrite(
                stream: writing.stream, expected: .before(writing.version), action: .append(writingEvents)))
        self.writing = nil
        writingEvents = []
    }

    /// Adds an event, or says that it has to wait for the next batch.
    mutating func add(_ event: NewEvent, to stream: StreamName, at version: StreamVersion, line: Int) -> Bool {
        let size = event.data.count + event.metadata.count
        let continues = writing?.stream == stream && version == nextVersion
        if !isEmpty {
            guard events < Self.maximumEvents, bytes + size <= Self.maximumBytes, !identifiers.contains(event.id),
                continues || (!streams.contains(stream) && streams.count < Self.maximumStreams)
            else { return false }
        }
        if !continues {
            finishWrite()
            writing = (stream, version)
            streams.insert(stream)
            if version == .first { newStreams += 1 }
        }
        writingEvents.append(event)
        identifiers.insert(event.id)
        events += 1
        bytes += size
        nextVersion = version.next
        lines = (lines.lowerBound == 0 ? line : lines.lowerBound)...line
        return true
    }
}

extension ExpectedVersion {
    /// What a stream must be at for the next event to get this version.
    static func before(_ version: StreamVersion) -> ExpectedVersion {
        version == .first ? .noStream : .version(version.advanced(by: -1))
    }
}
