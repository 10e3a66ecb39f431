/// Copies a log from one store to another, whole: events with their versions and times, retentions, deletions, and the first results
/// of commands; positions too, where both stores keep them.
///
/// ```swift
/// let copy = LogCopy(from: file, to: cluster)
/// let end = try await copy.run { print("\($0.position) of \($0.head)") }
/// try await copy.compare(through: end.position)
/// ```
///
/// A copy that was interrupted is begun again, and goes on where it stopped. What is recorded meanwhile in the source is copied
/// up to its head at the beginning; to move an application, copy once more when nobody writes there any longer, and open the
/// new store only when that has returned: before, commands may be missing that the log has the events of.
///
/// Checkpoints, snapshots and read models stay. Projections make theirs anew; publishers and consumer groups, whose progress is
/// a read model, begin at the log's start, unless they are told where; and what a receiver had set aside is in no copy.
///
/// When one of the stores has positions of its own (``CopyableStore/keepsPositions``), events have other positions in the copy, in
/// the same order (``changesPositions``); the results of commands then name those.
public struct LogCopy: Sendable {
    /// How far a copy or a comparison has come.
    public struct Progress: Sendable, Hashable {
        /// Everything up to here is done; in the source.
        public var position: Position
        /// Where it ends; in the source.
        public var head: Position
        /// The events that this run has done.
        public var events: Int
        /// The commands that this run has done.
        public var commands: Int
    }

    private static let eventsPerPage = 2_000

    private let source: any CopyableStore
    private let target: any CopyableStore

    /// Whether events have other positions in the copy than in the source.
    public let changesPositions: Bool

    /// - Parameter target: Empty, or the beginning of the source's log.
    public init(from source: any CopyableStore, to target: any CopyableStore) {
        self.source = source
        self.target = target
        changesPositions = !source.keepsPositions || !target.keepsPositions
    }

    /// Copies what the target does not have yet. The next page is read while one is being written.
    ///
    /// - Returns: How far it has come: to the end.
    /// - Throws: ``LogCopyError``; ``LogCopyError/differs(position:reason:)`` when the target is no beginning of the source.
    @discardableResult
    public func run(progress: @Sendable (Progress) async -> Void = { _ in }) async throws(LogCopyError) -> Progress {
        let head = try await self.head(of: source)
        var end = try await self.head(of: target)
        var done = Progress(position: try await begin(head: head, end: end), head: head, events: 0, commands: 0)
        var commands = CommandReader(source)
        if end > .start { try await passOverKnown(&commands) }
        var pairs = PositionPairs(areEqual: !changesPositions)
        await progress(done)
        var next = try await page(of: source, after: done.position, through: head)
        while !next.isEmpty {
            let events = next
            let after = events[events.count - 1].position
            async let following = result { () throws(LogCopyError) in
                try await page(of: source, after: after, through: head)
            }
            let places = try await target.importEvents(
                target.keepsPositions && changesPositions ? Self.numbered(events, after: end) : events)
            pairs.add(events.lazy.map(\.position), places)
            end = places.last ?? end
            next = try await following.get()
            done.position = after
            done.events += events.count
            // Behind each page, so that a copy that stops lacks few.
            done.commands += try await copyCommands(&commands, through: after, pairs)
            await progress(done)
        }
        guard done.position == head else { throw .notNext(position: head, head: done.position) }
        done.commands += try await copyCommands(&commands, through: head, pairs)
        await progress(done)
        return done
    }

    /// Where the source is copied from: behind the event that is the target's last one.
    private func begin(head: Position, end: Position) async throws(LogCopyError) -> Position {
        guard end > .start else { return .start }
        let last = try await event(at: end, of: target)
        guard changesPositions, let last else {
            guard end <= head else { throw .differs(position: end, reason: "the source ends at position \(head).") }
            let mine = try await event(at: end, of: source)
            if let reason = Self.difference(mine, last) { throw .differs(position: end, reason: reason) }
            return end
        }
        guard let mine = try await find(last, in: source), mine.position <= head else {
            throw .differs(
                position: end,
                reason: "the target ends there with \(last.stream)@\(last.version), which the source does not have.")
        }
        if let reason = Self.difference(mine, last) { throw .differs(position: mine.position, reason: reason) }
        return mine.position
    }

    /// Passes over the commands that the target has, which are the first ones.
    private func passOverKnown(_ commands: inout CommandReader) async throws(LogCopyError) {
        var known = CommandReader(target)
        while let theirs = try await known.next(through: Position(.max)) {
            guard let mine = try await commands.next(through: Position(.max)), mine.command == theirs.command,
                mine.digest == theirs.digest, Self.isSame(mine.result, theirs.result, changesPositions)
            else { throw .commandDiffers(command: theirs.command) }
        }
    }

    /// Compares all up to a position: every event, byte for byte, with its place and time, and every command, with its result. Where
    /// positions change, the order of the events is compared instead, and that results name the same events.
    ///
    /// - Parameter end: A position of the source. By default all: then both logs end with the same event.
    /// - Returns: How much was compared.
    /// - Throws: ``LogCopyError/differs(position:reason:)`` at the first difference,
    ///   ``LogCopyError/commandDiffers(command:)``.
    @discardableResult
    public func compare(
        through end: Position? = nil, progress: @Sendable (Progress) async -> Void = { _ in }
    ) async throws(LogCopyError) -> Progress {
        let (mine, theirs) = (try await head(of: source), try await head(of: target))
        let head = end ?? (changesPositions ? mine : max(mine, theirs))
        let theirHead = changesPositions ? theirs : head
        for (name, store) in [("source", mine), ("target", theirs)] where store < head {
            if changesPositions, name == "target" { continue }
            throw .differs(position: store.next, reason: "the \(name) has no event there.")
        }
        var done = Progress(position: .start, head: head, events: 0, commands: 0)
        var reached = Position.start
        var pairs = PositionPairs(areEqual: !changesPositions)
        var (left, right): (ArraySlice<RecordedEvent>, ArraySlice<RecordedEvent>) = ([], [])
        var (ours, others) = (CommandReader(source), CommandReader(target))
        while done.position < head {
            let (after, theirAfter, rest) = (done.position, reached, right)
            async let more = result { () throws(LogCopyError) in
                rest.isEmpty ? try await page(of: target, after: theirAfter, through: theirHead)[...] : rest
            }
            if left.isEmpty { left = try await page(of: source, after: after, through: head)[...] }
            right = try await more.get()
            for (mine, other) in zip(left, right) {
                if let reason = Self.difference(mine, other, positions: !changesPositions) {
                    throw .differs(
                        position: min(mine.position, changesPositions ? mine.position : other.position), reason: reason)
                }
            }
            let count = min(left.count, right.count)
            guard count > 0 else {
                throw .differs(
                    position: after.next,
                    reason: left.isEmpty ? "the source has no event there." : "the target has no event there.")
            }
            pairs.add(left.prefix(count).lazy.map(\.position), right.prefix(count).lazy.map(\.position))
            done.events += count
            done.position = left[left.startIndex + count - 1].position
            reached = right[right.startIndex + count - 1].position
            left = left.dropFirst(count)
            right = right.dropFirst(count)
            while let command = try await ours.next(through: done.position) {
                try await compare(command, with: try await others.next(through: reached), pairs)
                done.commands += 1
            }
            await progress(done)
        }
        if end == nil, changesPositions, reached < theirs {
            throw .differs(position: done.position.next, reason: "the source has no event there.")
        }
        while true {
            let mine = try await ours.next(through: head, passesOver: true)
            let other = try await others.next(through: reached, passesOver: true)
            guard let command = mine ?? other else { break }
            try await compare(command, with: mine == nil ? nil : other, pairs)
            done.commands += 1
        }
        await progress(done)
        return done
    }

    private func compare(
        _ mine: RecordedCommand, with other: RecordedCommand?, _ pairs: PositionPairs
    ) async throws(LogCopyError) {
        guard let other, mine.command == other.command, mine.digest == other.digest,
            Self.isSame(mine.result, other.result, changesPositions)
        else { throw .commandDiffers(command: mine.command) }
        let (place, otherPlace) = (mine.result.position, other.result.position)
        if let known = pairs[place] {
            guard known == otherPlace else { throw .commandDiffers(command: mine.command) }
        } else {
            let event = try await event(at: place, of: source)
            let otherEvent = try await self.event(at: otherPlace, of: target)
            guard let event, let otherEvent, event.stream == otherEvent.stream, event.version == otherEvent.version
            else {
                throw .commandDiffers(command: mine.command)
            }
        }
    }

    /// Whether two results are the same, but perhaps for their positions.
    private static func isSame(_ mine: AppendResult, _ other: AppendResult, _ changesPositions: Bool) -> Bool {
        guard changesPositions else { return mine == other }
        var mine = mine
        mine.position = other.position
        return mine == other
    }

    /// Events at consecutive positions.
    private static func numbered(_ events: [RecordedEvent], after position: Position) -> [RecordedEvent] {
        var position = position
        return events.map { event in
            position = position.next
            return RecordedEvent(
                id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
                data: event.data, metadata: event.metadata, tags: event.tags, stream: event.stream,
                version: event.version, position: position, recordedAt: event.recordedAt)
        }
    }

    /// The event of the same stream and version in a store that may have it at another position: one of those that were recorded at
    /// the same time.
    private func find(
        _ event: RecordedEvent, in store: any CopyableStore
    ) async throws(LogCopyError) -> RecordedEvent? {
        var cursor = LogCursor.time(event.recordedAt)
        while true {
            let page: LogPage
            do {
                page = try await store.readPage(from: cursor, direction: .forward, filter: .everything, limit: 200)
            } catch {
                throw LogCopyError(error)
            }
            if let found = page.events.first(where: { $0.stream == event.stream && $0.version == event.version }) {
                return found
            }
            if page.isAtEnd || page.events.last.map({ $0.recordedAt > event.recordedAt }) ?? false { return nil }
            cursor = .after(page.scannedThrough)
        }
    }

    private func copyCommands(
        _ commands: inout CommandReader, through position: Position, _ pairs: PositionPairs
    ) async throws(LogCopyError) -> Int {
        var count = 0
        while true {
            var page: [RecordedCommand] = []
            while page.count < Self.eventsPerPage, let next = try await commands.next(through: position) {
                page.append(changesPositions ? try await placed(next, pairs) : next)
            }
            if page.isEmpty { return count }
            try await target.importCommands(page)
            count += page.count
        }
    }

    /// A command with the position that its events have in the target.
    private func placed(
        _ command: RecordedCommand, _ pairs: PositionPairs
    ) async throws(LogCopyError) -> RecordedCommand {
        var result = command.result
        var place = pairs[result.position]
        if place == nil, let event = try await event(at: result.position, of: source) {
            place = try await find(event, in: target)?.position
        }
        guard let place else { throw .unknownResult(command: command.command) }
        result.position = place
        return RecordedCommand(
            number: command.number, command: command.command, digest: command.digest, result: result)
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

    /// What differs between the events of two logs at one place; nil when nothing does.
    ///
    /// - Parameter positions: Whether their positions are compared too.
    private static func difference(
        _ source: RecordedEvent?, _ target: RecordedEvent?, positions: Bool = false
    ) -> String? {
        guard let source else { return target == nil ? nil : "the source has no event there." }
        guard let target else { return "the target has no event there." }
        if source == target { return nil }
        if positions, source.position != target.position {
            return "one of them has no event there."
        }
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
        guard parts.contains(where: { !$0.1 }) else { return nil }
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
