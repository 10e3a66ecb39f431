import DaybookCore

/// Appends events from an input to a store, in the order of the input.
///
/// Each event goes to its version of its stream, with its identifier: what is there already is recognised, so that an
/// import that was interrupted is simply run again, and a longer export of the same log adds only what is new. Retentions
/// and deletions are applied anew, each under a command identifier that follows from its event.
struct LogImport {
    struct Totals: Equatable {
        /// Events of the input, with the repeated ones.
        var events = 0
        /// Events that were there before.
        var repeated = 0
        /// Streams that begin in the input.
        var streams = 0
        /// Retentions and deletions among the events.
        var controls = 0
        /// Bad parts of the input that were passed over.
        var skipped = 0
    }

    let store: any EventStore
    let skipsBadLines: Bool
    /// Is told of each bad part that is passed over.
    var report: (MalformedInput) -> Void = { _ in }
    /// Is told how many events have been read, and which share of the input.
    var progress: (Int, Double?) -> Void = { _, _ in }

    private var totals = Totals()
    private var nextVersions: [StreamName: StreamVersion] = [:]

    init(store: any EventStore, skipsBadLines: Bool) {
        self.store = store
        self.skipsBadLines = skipsBadLines
    }

    /// Runs to the end of the input. One batch is being written while the next one is read.
    mutating func run(_ source: some ImportSource) async throws -> Totals {
        var source = source
        let store = store
        try await withThrowingTaskGroup(of: Written.self) { group in
            var batch = ImportBatch()
            var isWriting = false
            func finishWriting() async throws {
                if isWriting, let written = try await group.next() { totals.add(written) }
                isWriting = false
            }
            func flush() async throws {
                try await finishWriting()
                guard !batch.isEmpty else { return }
                let full = batch
                batch = ImportBatch()
                isWriting = true
                group.addTask { try await Self.write(full, to: store) }
            }
            while let imported = try await next(from: &source) {
                if imported.stream.isControl {
                    try await flush()
                    try await finishWriting()
                    totals.add(try await Self.apply(imported, to: store))
                } else {
                    let version = imported.version ?? nextVersions[imported.stream] ?? .first
                    if imported.version == nil { nextVersions[imported.stream] = version.next }
                    var event = imported.event
                    event.id = imported.id ?? EventID(stream: imported.stream, version: version, event: event)
                    if !batch.add(event, to: imported.stream, at: version, line: imported.line) {
                        try await flush()
                        _ = batch.add(event, to: imported.stream, at: version, line: imported.line)
                        progress(totals.events, source.share)
                    }
                }
            }
            try await flush()
            try await finishWriting()
        }
        progress(totals.events, source.share)
        return totals
    }

    private mutating func next(from source: inout some ImportSource) async throws -> ImportedEvent? {
        while true {
            do { return try await source.next() } catch let error as MalformedInput {
                guard skipsBadLines, error.canContinue else { throw error }
                totals.skipped += 1
                report(error)
            }
        }
    }

    fileprivate struct Written: Sendable {
        var events = 0
        var repeated = 0
        var streams = 0
        var controls = 0
    }

    private static func write(_ batch: ImportBatch, to store: any EventStore) async throws -> Written {
        do {
            let result = try await store.append(batch.request)
            return Written(
                events: batch.events, repeated: result.isRepeat ? batch.events : 0, streams: batch.newStreams)
        } catch AppendError.wrongExpectedVersion {
            // A part of it may be there from an earlier run whose batches ended elsewhere.
            return try await writeSingly(batch, to: store)
        } catch {
            throw failure(error, lines: batch.lines)
        }
    }

    private static func writeSingly(_ batch: ImportBatch, to store: any EventStore) async throws -> Written {
        var written = Written(events: batch.events, streams: batch.newStreams)
        for write in batch.request.writes {
            guard case .append(let events) = write.action else { continue }
            var expected = write.expected
            for event in events {
                do {
                    let result = try await store.append([event], to: write.stream, expecting: expected)
                    if result.isRepeat { written.repeated += 1 }
                    guard let version = result.version else { continue }
                    expected = .version(version)
                } catch {
                    throw failure(error, lines: batch.lines)
                }
            }
        }
        return written
    }

    private static func apply(_ imported: ImportedEvent, to store: any EventStore) async throws -> Written {
        guard let stream = imported.stream.controlled, let control = StreamControl(decoding: imported.event.data) else {
            throw MalformedInput(
                line: imported.line, reason: "The data of the control event is not what a store writes.")
        }
        let action: StreamWrite.Action
        switch imported.event.type {
        case StreamControl.retentionSet: action = .setRetention(control.retention)
        case StreamControl.streamDeleted: action = .delete
        case StreamControl.streamTombstoned: action = .tombstone
        default:
            throw MalformedInput(
                line: imported.line, reason: "The control event has the unknown type '\(imported.event.type)'.")
        }
        let version = imported.version ?? .first
        let id = imported.id ?? EventID(stream: imported.stream, version: version, event: imported.event)
        do {
            let result = try await store.append(
                AppendRequest(
                    writes: [StreamWrite(stream: stream, action: action, metadata: imported.event.metadata)],
                    commandID: try CommandID("daybook-import-\(id)")))
            return Written(events: 1, repeated: result.isRepeat ? 1 : 0, controls: 1)
        } catch let error as AppendError {
            throw failure(error, lines: imported.line...imported.line)
        }
    }

    private static func failure(_ error: AppendError, lines: ClosedRange<Int>) -> CommandFailure {
        let place = lines.count == 1 ? "line \(lines.lowerBound)" : "lines \(lines.lowerBound) to \(lines.upperBound)"
        let advice =
            if case .wrongExpectedVersion(let stream, _, _) = error {
                " Stream '\(stream)' has other events than the input: import into a file without it."
            } else { "" }
        let failure = CommandFailure(error)
        return CommandFailure(failure.code, "At \(place) of the input: \(failure.description)\(advice)")
    }
}

extension LogImport.Totals {
    fileprivate mutating func add(_ written: LogImport.Written) {
        events += written.events
        repeated += written.repeated
        streams += written.streams
        controls += written.controls
    }
}
