/// Moves a log from one store to another, whole: events with their positions, versions and times, retentions, deletions, and
/// the first results of commands.
///
/// ```swift
/// let transfer = LogTransfer(from: file, to: cluster)
/// try await transfer.run { print("\($0.events) of \($0.head)") }
/// try await transfer.compare()
/// ```
///
/// A transfer that was interrupted is begun again, and goes on where it stopped. What is recorded meanwhile in the source is
/// moved too, up to its head at the beginning; move once more when nobody writes there any longer. Checkpoints, snapshots and
/// read models are derived from the log, and stay: their owners make them anew.
public struct LogTransfer: Sendable {
    /// How far a transfer or a comparison has come.
    public struct Progress: Sendable, Hashable {
        /// Everything up to here is done.
        public var position: Position
        /// Where it ends.
        public var head: Position
        /// The commands that are done; they come after the events.
        public var commands: Int
    }

    private static let eventsPerPage = 2_000

    private let source: any TransferableStore
    private let target: any TransferableStore

    /// - Parameter target: Empty, or the beginning of the source's log.
    public init(from source: any TransferableStore, to target: any TransferableStore) {
        self.source = source
        self.target = target
    }

    /// Moves what the target does not have yet.
    ///
    /// The page that comes next is read while one is being written.
    ///
    /// - Returns: How far it has come: to the end.
    /// - Throws: ``TransferError``; ``TransferError/differs(position:reason:)`` when the target is no beginning of the source.
    @discardableResult
    public func run(
        progress: @Sendable (Progress) async -> Void = { _ in }
    ) async throws(TransferError) -> Progress {
        let head = try await reading { () throws(ReadError) in try await source.head() }
        var position = try await reading { () throws(ReadError) in try await target.head() }
        guard position <= head else {
            throw .differs(position: position, reason: "the source ends at position \(head).")
        }
        if position > .start {
            let (mine, other) = (try await event(at: position, of: source), try await event(at: position, of: target))
            if let reason = Self.difference(mine, other) { throw .differs(position: position, reason: reason) }
        }
        await progress(Progress(position: position, head: head, commands: 0))
        var next = try await page(of: source, after: position, through: head)
        while !next.isEmpty {
            let events = next
            let after = events[events.count - 1].position
            async let following = result { () throws(TransferError) in
                try await page(of: source, after: after, through: head)
            }
            try await target.takeOver(events)
            next = try await following.get()
            position = after
            await progress(Progress(position: position, head: head, commands: 0))
        }
        guard position == head else { throw .notNext(position: head, head: position) }
        var commands = 0
        var number: Int64 = 0
        while true {
            let receipts = try await receipts(after: number, through: head)
            guard let last = receipts.last else { break }
            try await target.takeOver(receipts.filter { $0.result.position <= head })
            number = last.number
            commands += receipts.count
            await progress(Progress(position: position, head: head, commands: commands))
        }
        return Progress(position: position, head: head, commands: commands)
    }

    /// Compares all that the target has with the source: every event, byte for byte, with its place and time, and every
    /// command's result.
    ///
    /// - Returns: How much was compared.
    /// - Throws: ``TransferError/differs(position:reason:)`` at the first difference,
    ///   ``TransferError/commandDiffers(command:)``.
    @discardableResult
    public func compare(
        progress: @Sendable (Progress) async -> Void = { _ in }
    ) async throws(TransferError) -> Progress {
        let head = try await reading { () throws(ReadError) in try await target.head() }
        var position = Position.start
        while position < head {
            let after = position
            async let others = result { () throws(TransferError) in
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
                    position: after.next, reason: mine.isEmpty ? "the source has none." : "the target has none.")
            }
            position = mine[count - 1].position
            await progress(Progress(position: position, head: head, commands: 0))
        }
        var commands = 0
        var number: Int64 = 0
        while true {
            let receipts = try await receipts(after: number, through: head)
            guard let last = receipts.last else { break }
            for receipt in receipts where receipt.result.position <= head {
                let other = try await reading { () throws(ReadError) in try await target.receipt(for: receipt.command) }
                guard other == receipt.result else { throw .commandDiffers(command: receipt.command) }
                commands += 1
            }
            number = last.number
            await progress(Progress(position: position, head: head, commands: commands))
        }
        return Progress(position: position, head: head, commands: commands)
    }

    private func page(
        of store: any TransferableStore, after position: Position, through head: Position
    ) async throws(TransferError) -> [RecordedEvent] {
        var position = position
        while position < head {
            let after = position
            let page = try await reading { () throws(ReadError) in
                try await store.readPage(
                    from: .after(after), direction: .forward, filter: .everything, limit: Self.eventsPerPage)
            }
            let events = page.events.filter { $0.position <= head }
            if !events.isEmpty || page.isAtEnd { return events }
            position = page.scannedThrough
        }
        return []
    }

    private func event(
        at position: Position, of store: any TransferableStore
    ) async throws(TransferError) -> RecordedEvent? {
        let page = try await reading { () throws(ReadError) in
            try await store.readPage(from: .position(position), direction: .forward, filter: .everything, limit: 1)
        }
        return page.events.first.flatMap { $0.position == position ? $0 : nil }
    }

    private func receipts(after number: Int64, through head: Position) async throws(TransferError) -> [RecordedCommand]
    {
        try await reading { () throws(ReadError) in
            try await source.receipts(after: number, limit: Self.eventsPerPage)
        }
    }

    private func reading<Value>(_ read: () async throws(ReadError) -> Value) async throws(TransferError) -> Value {
        do { return try await read() } catch { throw TransferError(error) }
    }

    private func result<Value>(
        _ body: () async throws(TransferError) -> Value
    ) async -> Result<Value, TransferError> {
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
