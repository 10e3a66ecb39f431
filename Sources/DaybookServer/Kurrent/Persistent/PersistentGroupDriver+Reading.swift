#if Server
import DaybookCore

extension PersistentGroupDriver {
    /// Reads the log for the group until the task is cancelled. When that fails, the clients are told, and it is tried again.
    func read() async {
        var reader: GroupReader?
        var told = ""
        while !Task.isCancelled {
            do {
                if reader == nil { reader = try await load() }
                guard var begun = reader else { return }
                defer { reader = begun }  // What was read is not read again.
                try await follow(&begun)
            } catch {
                setReading(false)
                if Task.isCancelled { return }
                if told != "\(error)" {  // A stream that is deleted for good stays so.
                    told = "\(error)"
                    logger.error(
                        "A group of consumers cannot be read.", metadata: ["group": "\(name.id)", "error": "\(error)"])
                }
                dropClients()
                guard (try? await Task.sleep(for: Self.second)) != nil else { return }
            }
        }
    }

    /// Looks up the checkpoint.
    private func load() async throws -> GroupReader {
        let saved = try await checkpoints.checkpoint(for: name.checkpoint)?.position ?? .start
        guard saved > .start else {
            let reader = try await GroupReader(start: settings.start, of: name, in: log)
            change { $0.load(checkpoint: nil) }
            return reader
        }
        let reader = try await GroupReader(after: saved, of: name, in: log)
        let number = name.isAll ? saved.rawValue : reader.previousRevision ?? -1
        change { $0.load(checkpoint: GroupPlace(number: number, position: saved.rawValue)) }
        return reader
    }

    private func follow(_ reader: inout GroupReader) async throws {
        let interest = reader.source.map { signals.interest(in: $0.subject) }
        defer { if let interest { signals.drop(interest) } }
        while true {
            let seenRoom = reading.count
            let limit = look(\.wantedEvents)
            guard limit > 0 else {
                try await reading.wait(beyond: seenRoom)
                continue
            }
            let seen = interest?.count ?? 0
            setReading(true)
            // Before the page: what is known only later is behind it.
            let known = try await reader.source?.knownThrough()
            let (events, isAtEnd) = try await reader.next(
                limit: limit, filter: filter, resolvesLinks: settings.resolvesLinks, from: log)
            setReading(false)
            change { group in
                group.take(events, isAtEnd: isAtEnd)
                if isAtEnd, let known { group.pass(known.rawValue) }
            }
            guard isAtEnd else { continue }
            if let interest {
                try await Self.wait(for: interest, beyond: seen)
            } else {
                _ = try await log.store.head(beyond: reader.position)
            }
        }
    }

    /// How long a group looks at nothing when there is nothing in its stream. Then it sees how far the log has gone.
    private static let quietTime = Duration.seconds(30)

    /// Returns when there may be something new in a stream, or it has been quiet for long.
    private static func wait(for interest: StreamSignals.Interest, beyond seen: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await interest.wait(beyond: seen) }
            tasks.addTask { try await Task.sleep(for: Self.quietTime) }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    /// Reads parked events that are to be delivered again, until the task is cancelled.
    func readParked() async {
        while !Task.isCancelled {
            let seen = replaying.count
            let (limit, replay) = look { ($0.wantedParkedEvents, $0.replay) }
            do {
                guard limit > 0, let replay else {
                    try await replaying.wait(beyond: seen)
                    continue
                }
                let page = try await parkedStream.read(from: replay.next, limit: limit)
                change { $0.takeParked(page.links, next: page.next ?? replay.end) }
            } catch {
                if Task.isCancelled { return }
                logger.error(
                    "Parked events cannot be read.", metadata: ["group": "\(name.id)", "error": "\(error)"])
                guard (try? await Task.sleep(for: Self.second)) != nil else { return }
            }
        }
    }
}
#endif
