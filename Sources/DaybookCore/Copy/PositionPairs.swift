/// The positions that the same events have in two logs: all of them where both logs have the same, otherwise those of the events
/// that went by last.
struct PositionPairs: Sendable {
    /// What is looked for is seldom further back: commands come in the order of their events.
    private static let capacity = 20_000

    private let areEqual: Bool
    private var sources: [Position] = []
    private var targets: [Position] = []

    init(areEqual: Bool) { self.areEqual = areEqual }

    /// Adds pairs that lie behind all that were added before.
    mutating func add(_ sources: some Sequence<Position>, _ targets: some Sequence<Position>) {
        guard !areEqual else { return }
        if self.sources.count > Self.capacity {
            self.sources.removeFirst(Self.capacity / 2)
            self.targets.removeFirst(Self.capacity / 2)
        }
        self.sources += sources
        self.targets += targets
    }

    /// Where the target has what the source has at a position; nil when that is not kept.
    subscript(position: Position) -> Position? {
        guard !areEqual, position > .start else { return position }
        var (low, high) = (0, sources.count)
        while low < high {
            let middle = (low + high) / 2
            if sources[middle] < position { low = middle + 1 } else { high = middle }
        }
        return low < sources.count && sources[low] == position ? targets[low] : nil
    }
}
