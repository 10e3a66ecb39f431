#if Server
import DaybookCore

/// Where in the log the events of a stream are that is read from the index, by their ordinal numbers.
///
/// Only every 1,000th position is kept, 8 bytes for 1,000 events; or every position, as the difference to the one before it:
/// one to three bytes an event, where neighbours lie too far apart to be looked for.
struct OrdinalTable: Sendable {
    static let stride: Int64 = 1_000

    let keepsEveryPosition: Bool
    private(set) var count: Int64 = 0
    private var last = Position.start
    /// The positions of events 0, 1,000, 2,000…
    private var marks: [Position] = []
    /// Behind each mark the differences of the positions up to the next one, 7 bits a byte, the lowest first.
    private var gaps: [[UInt8]] = []

    init(keepsEveryPosition: Bool) { self.keepsEveryPosition = keepsEveryPosition }

    /// Takes the next event, whose position is above those before.
    mutating func append(_ position: Position) {
        if count % Self.stride == 0 {
            marks.append(position)
            if keepsEveryPosition { gaps.append([]) }
        } else if keepsEveryPosition {
            var rest = UInt64(position.rawValue - last.rawValue)
            while rest >= 0x80 {
                gaps[gaps.count - 1].append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            gaps[gaps.count - 1].append(UInt8(rest))
        }
        last = position
        count += 1
    }

    /// The nearest event, at an ordinal or before it, whose position is kept.
    ///
    /// - Parameter ordinal: From 0 to less than ``count``.
    func mark(before ordinal: Int64) -> (ordinal: Int64, position: Position) {
        let index = ordinal / Self.stride
        return (index * Self.stride, marks[Int(index)])
    }

    /// The last event at a position or before it whose position is kept as a mark; nil when there is none.
    ///
    /// - Complexity: O(log ``count``).
    func mark(upTo position: Position) -> (ordinal: Int64, position: Position)? {
        var (low, high) = (0, marks.count)
        while low < high {
            let middle = low + (high - low) / 2
            if marks[middle] <= position { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : (ordinal: Int64(low - 1) * Self.stride, position: marks[low - 1])
    }

    /// The positions of some events, if every position is kept; fewer at the end.
    ///
    /// - Complexity: O(``stride`` + limit).
    func positions(from ordinal: Int64, limit: Int) -> [Position] {
        precondition(keepsEveryPosition && ordinal >= 0, "Positions from \(ordinal) on are not kept.")
        var found: [Position] = []
        var mark = Int(ordinal / Self.stride)
        var skipped = Int(ordinal % Self.stride)
        while found.count < limit, mark < marks.count {
            var position = marks[mark]
            if skipped == 0 { found.append(position) } else { skipped -= 1 }
            var (gap, shift): (UInt64, UInt64) = (0, 0)
            for byte in gaps[mark] where found.count < limit {
                gap |= UInt64(byte & 0x7F) << shift
                shift += 7
                guard byte & 0x80 == 0 else { continue }
                position = Position(position.rawValue + Int64(gap))
                (gap, shift) = (0, 0)
                if skipped == 0 { found.append(position) } else { skipped -= 1 }
            }
            mark += 1
        }
        return found
    }
}
#endif
