import Synchronization

/// The part of the index that is not in the file yet: what was recorded since the last segment.
///
/// The writer adds to it with every event; readers copy what they need under its lock. Entries of a transaction that
/// is not yet committed are there too: readers pass over numbers above the head that they took before.
final class IndexTail: Sendable {
    struct State: Sendable {
        /// Grows with every event.
        var active = Generation()
        /// Is being written to a segment, and no longer grows.
        var frozen: Generation?
        /// Was written to the last segment; kept for readers whose transaction began before that.
        var retired: Generation?
        /// Counts the segments that were finished.
        var epoch = 0
        /// What leads into the segments in the file, by their identifiers; one that is missing is read.
        var maps: [Int64: SegmentMap] = [:]
        /// Whether something under a control key was ever here. A reader whose transaction began before its segment was
        /// finished, and before the one after it, finds it in neither.
        var hadControls = false

        var hasControls: Bool {
            hadControls || active.controls + (frozen?.controls ?? 0) + (retired?.controls ?? 0) > 0
        }
    }

    struct Generation: Sendable {
        var lists: [IndexKey: List] = [:]
        /// Numbers in all lists.
        var count = 0
        /// How many of them are under control keys.
        var controls = 0
        /// The first event whose version does not follow on the one before it in its stream. There never is one, unless
        /// the store is at fault, or the file was written to by something else.
        private(set) var misplaced: VersionMismatch?

        mutating func add(_ number: Int64, ordinal: Int64, under key: IndexKey) {
            lists[key, default: List(first: ordinal)].add(number) { expected in
                guard key.kind == .stream, ordinal != expected, misplaced == nil else { return }
                misplaced = VersionMismatch(stream: key.key, version: ordinal, expected: expected, position: number)
            }
            count += 1
            if key.kind == .control { controls += 1 }
        }

        /// This one and the next, as one.
        fileprivate func followed(by next: Generation) -> Generation {
            var joined = self
            for (key, list) in next.lists {
                joined.lists[key, default: List(first: list.first)].numbers += list.numbers
            }
            joined.count += next.count
            joined.controls += next.controls
            return joined
        }

        /// Takes those lists over that begin earlier. Of each key both know the last numbers, one of them more of them.
        fileprivate mutating func cover(_ other: Generation) {
            for (key, list) in other.lists {
                if let first = lists[key]?.numbers.first, first <= list.numbers.first ?? .max { continue }
                let replaced = lists.updateValue(list, forKey: key)?.numbers.count ?? 0
                count += list.numbers.count - replaced
                if key.kind == .control { controls += list.numbers.count - replaced }
            }
        }

        /// Takes out what lies above the last numbers that were committed.
        mutating func removeUncommitted(aboveEvent event: Int64, name: Int64, commit: Int64) {
            for (key, list) in lists {
                let bound =
                    switch key.kind {
                    case .name: name
                    case .command: commit
                    case .lost: Int64.max - 1
                    default: event
                    }
                let kept = list.numbers.firstIndex(atOrAbove: bound + 1)
                guard kept < list.numbers.count else { continue }
                count -= list.numbers.count - kept
                if key.kind == .control { controls -= list.numbers.count - kept }
                lists[key] = kept == 0 ? nil : List(first: list.first, numbers: Array(list.numbers[..<kept]))
            }
        }
    }

    struct List: Sendable {
        var first: Int64
        var numbers: [Int64] = []

        /// - Parameter check: Is given the ordinal that the number gets.
        fileprivate mutating func add(_ number: Int64, _ check: (Int64) -> Void) {
            check(first + Int64(numbers.count))
            numbers.append(number)
        }
    }

    let state = Mutex(State())
    /// Whether any event was ever scavenged, so that a position that the index leads to may have no event any more.
    let hasScavenged = Atomic(false)

    var epoch: Int { state.withLock(\.epoch) }

    /// Begins a new generation, and hands out the one that is to be written to a segment.
    func freeze() -> Generation {
        state.withLock { state in
            state.frozen = state.active
            state.active = Generation()
            return state.frozen ?? Generation()
        }
    }

    /// Lets go of the generation that was written to a segment.
    func retire(_ segment: Int64, _ map: SegmentMap) {
        state.withLock { state in
            state.maps[segment] = map
            state.hadControls = state.hasControls
            state.retired = state.frozen
            state.frozen = nil
            state.epoch += 1
        }
    }

    // MARK: - Another index

    /// Reaches as far back as what was gathered for another index, too, so that no event is missing from here that the
    /// segments of either lack. Nothing may be written meanwhile.
    ///
    /// - Returns: The state before.
    func cover(_ gathered: Generation) -> State {
        state.withLock { state in
            let old = state
            var active = state.frozen?.followed(by: state.active) ?? state.active
            active.cover(gathered)
            state = State(active: active, epoch: old.epoch + 2, maps: old.maps, hadControls: old.hasControls)
            return old
        }
    }

    /// Takes a state over. Reads that began before are begun again: they have seen other segments.
    func replace(by new: State) {
        state.withLock { state in
            let (epoch, hadControls) = (state.epoch + 2, state.hasControls)
            state = new
            state.retired = nil
            state.epoch = epoch
            state.hadControls = hadControls
        }
    }

    /// Numbers whose ordinals are in a range, oldest first, at least so many from the given end if there are.
    ///
    /// - Throws: ``StoreFailure/outdated`` when the segments that were finished since `epoch` are more than are kept.
    func numbers(
        under key: IndexKey, ordinals: ClosedRange<Int64>, limit: Int, fromEnd: Bool, epoch: Int
    ) throws(StoreFailure) -> Postings? {
        try state.withLock { state throws(StoreFailure) in
            guard state.epoch <= epoch + 1 else { throw .outdated }
            let generations = [state.epoch > epoch ? state.retired : nil, state.frozen, state.active]
            var found: Postings?
            var count = 0
            // From the end asked for: a generation that is not needed whole must be the last one, or ordinals would be amiss.
            for generation in fromEnd ? generations.reversed() : generations where count < limit {
                guard let list = generation?.lists[key] else { continue }
                let postings = Postings(kind: key.kind, first: list.first, numbers: list.numbers)
                var low = postings.index(atOrAbove: ordinals.lowerBound)
                var high =
                    ordinals.upperBound == .max
                    ? list.numbers.count : postings.index(atOrAbove: ordinals.upperBound + 1)
                guard low < high else { continue }
                if fromEnd { low = max(low, high - (limit - count)) } else { high = min(high, low + (limit - count)) }
                let slice = Array(list.numbers[low..<high])
                count += slice.count
                if let later = found, fromEnd {
                    found = Postings(
                        kind: key.kind, first: postings.ordinal(low), numbers: slice + later.numbers)
                } else if found == nil {
                    found = Postings(kind: key.kind, first: postings.ordinal(low), numbers: slice)
                } else {
                    found?.numbers.append(contentsOf: slice)
                }
            }
            return found
        }
    }

    /// The last number under a key and its ordinal, at or below a bound for the numbers.
    func last(
        under key: IndexKey, atOrBelow bound: Int64, epoch: Int
    ) throws(StoreFailure) -> (ordinal: Int64, number: Int64)? {
        try state.withLock { state throws(StoreFailure) in
            guard state.epoch <= epoch + 1 else { throw .outdated }
            for generation in [state.active, state.frozen, state.epoch > epoch ? state.retired : nil] {
                guard let list = generation?.lists[key] else { continue }
                let end = list.numbers.firstIndex(atOrAbove: bound == .max ? bound : bound + 1)
                guard end > 0 else { continue }
                let postings = Postings(kind: key.kind, first: list.first, numbers: list.numbers)
                return (postings.ordinal(end - 1), list.numbers[end - 1])
            }
            return nil
        }
    }

    var hasControls: Bool { state.withLock(\.hasControls) }
}
