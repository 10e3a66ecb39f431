import DaybookCore

/// What clients did with a store at the same time, and the log that came of it. ``check()`` says whether the store may
/// have answered so.
public struct History: Sendable {
    /// A moment at which the store was opened again after its process had ended: whatever was on its way then has been
    /// written by then, or never will be.
    public struct Opening: Sendable, Hashable {
        public var instant: Int64
        public var head: Position

        public init(instant: Int64, head: Position) {
            self.instant = instant
            self.head = head
        }
    }

    /// In any order.
    public var operations: [HistoryOperation]
    /// In the order of their instants; none when the store was open throughout.
    public var openings: [Opening]
    /// Every event, the store's own too, in the order of positions, read when all operations were over.
    public var log: [RecordedEvent]

    public init(operations: [HistoryOperation], openings: [Opening] = [], log: [RecordedEvent]) {
        self.operations = operations
        self.openings = openings
        self.log = log
    }

    /// Takes what was recorded, and reads the log of the store behind it.
    public init(
        operations: [HistoryOperation], openings: [Opening] = [], of store: some EventStore
    ) async throws(ReadError) {
        var log: [RecordedEvent] = []
        for try await event in store.events(filter: .everything) { log.append(event) }
        self.init(operations: operations, openings: openings, log: log)
    }

    /// Looks for an order of the operations that explains all answers: see ``HistoryCheck``.
    ///
    /// - Complexity: O(operations × operations at the same time), and O(log) for each filtered read that had to look so far.
    public func check() -> HistoryCheck { HistoryCheck(self) }
}
