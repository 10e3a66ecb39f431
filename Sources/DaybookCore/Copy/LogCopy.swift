/// Copies a log from one store to another, whole: events with their positions, versions and times, retentions, deletions, and
/// the first results of commands.
///
/// ```swift
/// let copy = LogCopy(from: file, to: cluster)
/// let end = try await copy.run { print("\($0.position) of \($0.head)") }
/// try await copy.compare(through: end.position)
/// ```
///
/// A copy that was interrupted is begun again, and goes on where it stopped. What is recorded meanwhile in the source is copied
/// up to its head at the beginning; to move an application, copy once more when nobody writes there any longer, and open the
/// new store only when that has returned: before, commands may be missing that the log has the events of. Checkpoints, snapshots
/// and read models are derived from the log, and stay: their owners make them anew.
public struct LogCopy: Sendable {
    /// How far a copy or a comparison has come.
    public struct Progress: Sendable, Hashable {
        /// Everything up to here is done.
        public var position: Position
        /// Where it ends.
        public var head: Position
        /// The commands that are done.
        public var commands: Int
    }

    private static let eventsPerPage = 2_000

    private let source: any CopyableStore
    private let target: any CopyableStore

    /// - Parameter target: Empty, or the beginning of the source's log.
    public init(from source: any CopyableStore, to target: any CopyableStore) {
        self.source = source
        self.target = target
    }

    /// Copies what the target does not have yet. The next page is read while one is being written.
    ///
    /// - Returns: How far it has come: to the end.
    /// - Throws: ``LogCopyError``; ``LogCopyError/differs(position:reason:)`` when the target is no beginning of the source.
    @discardableResult
    public func run(progress: @Sendable (Progress) async -> Void = { _ in }) async throws(LogCopyError) -> Progress {
        let head = try await self.head(of: source)
        var done = Progress(position: try await self.head(of: target), head: head, commands: 0)
        guard done.position <= head else {
            throw .differs(position: done.position, reason: "the source ends at position \(head).")
        }
        if done.position > .start {
            let mine = try await event(at: done.position, of: source)
            let other = try await event(at: done.position, of: target)
            if let reason = Self.difference(mine, other) { throw .differs(position: done.position, reason: reason) }
        }
        var commands = CommandReader(source)
        await progress(done)
        var next = try await page(of: source, after: done.position, through: head)
        while !next.isEmpty {
            let events = next
            let after = events[events.count - 1].position
            async let following = result { () throws(LogCopyError) in
                try await page(of: source, after: after, through: head)
            }
            try await target.importEvents(events)
            next = try await following.get()
            done.position = after
            // Behind each page, so that a copy that stops lacks few.
            done.commands += try await copyCommands(&commands, through: after)
            await progress(done)
        }
        guard done.position == head else { throw .notNext(position: head, head: done.position) }
        done.commands += try await copyCommands(&commands, through: head)
        await progress(done)
        return done
    }

    /// Compares all up to a position: every event, byte for byte, with its place and time, and every command, with its result.
    ///
    /// - Parameter end: By default all: then both logs end at the same position.
    /// - Returns: How much was compared.
    /// - Throws: ``LogCopyError/differs(position:reason:)`` at the first difference,
    ///   ``LogCopyError/commandDiffers(command:)``.
    @discardableResult
    public func compare(
        through end: Position? = nil, progress: @Sendable (Progress) async -> Void = { _ in }
    ) async throws(LogCopyError) -> Progress {
        let (mine, theirs) = (try await head(of: source), try await head(of: target))
        let head = end ?? max(mine, theirs)
        for (name, store) in [("source", mine), ("target", theirs)] where store < head {
            throw .differs(position: store.next, reason: "the \(name) has no event there.")
        }
        var done = Progress(position: .start, head: head, commands: 0)
        while done.position < head {
            let after = done.position
            async let others = result { () throws(LogCopyError) in
                try await page(of: target, after: after, through: head)
            }
            let mine = try await page(of: source, after: after, through: head)
            let theirs = try await others.get()
            for (left, right) in zip(mine, theirs) where left != right {
                throw .differs(
                    position: min(left.position, right.position),
                    reason: Self.difference(left, right) ?? "they are not the same.")
            }
            let count = min(mine.count, theirs.count)
            guard count > 0 else {
                throw .differs(
                    position: after.next,
                    reason: mine.isEmpty ? "the source has no event there." : "the target has no event there.")
            }
            done.position = mine[count - 1].position
            await progress(done)
        }
        var (ours, others) = (CommandReader(source), CommandReader(target))
        while true {
            let (left, right) = (
                try await ours.next(through: head, passesOver: true),
                try await others.next(through: head, passesOver: true)
            )
            guard let either = left ?? right else { break }
            guard let left, let right, left.command == right.command, left.digest == right.digest,
                left.result == right.result
            else { throw .commandDiffers(command: either.command) }
            done.commands += 1
        }
        await progress(done)
        return done
    }

    private func copyCommands(
        _ commands: inout CommandReader, through position: Position
    ) async throws(LogCopyError) -> Int {
        var count = 0
        while true {
            var page: [RecordedCommand] = []
            while page.count < Self.eventsPerPage, let next = try await commands.next(through: position) {
                page.append(next)
            }
            if page.isEmpty { return count }
            try await target.importCommands(page)
            count += page.count
        }
    }

    private func head(of store: any CopyableStore) async throws(LogCopyError) -> Position {
        do { return try await store.head() } catch { throw LogCopyError(error) }
    }

    private func page(
        of store: any CopyableStore, after position: Position, through head: Position
    ) async throws(LogCopyError) -> [RecordedEvent] {
        var position = position
        while position < head {
            let page: LogPage
            do {
                page = try await store.readPage(
                    from: .after(position), direction: .forward, filter: .everything, limit: Self.eventsPerPage)
            } catch {
                throw LogCopyError(error)
            }
            let events = page.events.filter { $0.position <= head }
            if !events.isEmpty || page.isAtEnd { return events }
            position = page.scannedThrough
        }
        return []
    }

    private func event(
        at position: Position, of store: any CopyableStore
    ) async throws(LogCopyError) -> RecordedEvent? {
        do {
            let page = try await store.readPage(
                from: .position(position), direction: .forward, filter: .everything, limit: 1)
            return page.events.first.flatMap { $0.position == position ? $0 : nil }
        } catch {
            throw LogCopyError(error)
        }
    }

    private func result<Value>(
        _ body: () async throws(LogCopyError) -> Value
    ) async -> Result<Value, LogCopyError> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    /// What differs between the events of two logs at one position; nil when nothing does.
    private static func difference(_ source: RecordedEvent?, _ target: RecordedEvent?) -> String? {
        guard let source else { return target == nil ? nil : "the source has no event there." }
        guard let target else { return "the target has no event there." }
        if source == target { return nil }
        if source.stream != target.stream || source.version != target.version {
            return "the source has \(source.stream)@\(source.version), the target \(target.stream)@\(target.version)."
        }
        let parts = [
            ("identifiers", source.id == target.id), ("types", source.type == target.type),
            ("schema versions", source.schemaVersion == target.schemaVersion),
            ("content types", source.contentType == target.contentType), ("data", source.data == target.data),
            ("metadata", source.metadata == target.metadata), ("tags", source.tags == target.tags),
            ("times", source.recordedAt == target.recordedAt),
        ]
        return "the two events of \(source.stream)@\(source.version) have different "
            + parts.filter { !$0.1 }.map(\.0).joined(separator: ", ") + "."
    }
}

/// Reads the commands of a store in their order.
private struct CommandReader {
    private static let commandsPerPage = 2_000

    private let store: any CopyableStore
    private var page: ArraySlice<RecordedCommand> = []
    private var number: Int64 = 0

    init(_ store: any CopyableStore) { self.store = store }

    /// The next command whose result lies at a position or before it; nil at the end.
    ///
    /// - Parameter passesOver: Whether to go on behind one that lies after it; otherwise it stays the next one.
    mutating func next(
        through position: Position, passesOver: Bool = false
    ) async throws(LogCopyError) -> RecordedCommand? {
        while true {
            if page.isEmpty {
                do { page = try await store.commands(after: number, limit: Self.commandsPerPage)[...] } catch {
                    throw LogCopyError(error)
                }
                guard let last = page.last else { return nil }
                number = last.number
            }
            guard let next = page.first else { return nil }
            if next.result.position <= position { return page.removeFirst() }
            guard passesOver else { return nil }
            page.removeFirst()
        }
    }
}
