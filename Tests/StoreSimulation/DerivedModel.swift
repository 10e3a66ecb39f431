import DaybookCore

/// Checkpoints, snapshots and documents as they must be. Where a change was answered with an error that leaves open
/// whether it was made, more than one value is possible.
struct DerivedModel {
    enum Key: Hashable {
        case checkpoint(CheckpointName)
        case modelCheckpoint(ReadModelName)
        case document(ReadModelName, String)
        case snapshot(SnapshotKey)
    }

    enum Value: Hashable {
        case nothing
        case position(Int64)
        case bytes([UInt8])
        case snapshot(Snapshot)
    }

    private struct Change {
        var index: Int
        var value: Value
        var isCertain: Bool
    }

    private var base: [Key: Set<Value>] = [:]
    private var changes: [Key: [Change]] = [:]

    var keys: [Key] { Array(Set(base.keys).union(changes.keys)) }

    static func initial(_ key: Key) -> Value {
        if case .modelCheckpoint = key { .position(0) } else { .nothing }
    }

    mutating func change(_ key: Key, to value: Value, index: Int, isCertain: Bool) {
        changes[key, default: []].append(Change(index: index, value: value, isCertain: isCertain))
    }

    /// The values that are possible after the changes up to one, and those that may come until another.
    func possible(_ key: Key, after first: Int, before end: Int) -> Set<Value> {
        var possible = base[key] ?? [Self.initial(key)]
        for change in changes[key] ?? [] where change.index < end {
            if change.isCertain && change.index <= first {
                possible = [change.value]
            } else {
                possible.insert(change.value)
            }
        }
        return possible
    }

    /// Begins anew from what was found.
    mutating func settle(_ key: Key, at value: Value) {
        base[key] = [value]
        changes[key] = nil
    }
}
