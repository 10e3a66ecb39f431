#if JetStream
/// The keys of a read model's documents, in the order of their bytes, as they were at some moment.
struct ModelKeys: Sendable {
    let epoch: UInt64
    /// Everything that the bucket has up to here is taken into account.
    var scanned: Int64 = 0
    private(set) var keys: [String] = []
    /// Changes that are not in ``keys`` yet; the last one of a key counts.
    private var changes: [(key: String, isThere: Bool)] = []

    init(epoch: UInt64) { self.epoch = epoch }

    mutating func note(_ key: String, isThere: Bool) { changes.append((key, isThere)) }

    /// Takes the noted changes into account: O(n + k log k) for k changes among n keys.
    mutating func settle() {
        guard !changes.isEmpty else { return }
        let sorted = changes.enumerated().sorted { left, right in
            if Self.precedes(left.element.key, right.element.key) { return true }
            return Self.areSame(left.element.key, right.element.key) && left.offset < right.offset
        }
        changes = []
        var merged: [String] = []
        merged.reserveCapacity(keys.count + sorted.count)
        var old = keys.makeIterator()
        var next = old.next()
        for (index, change) in sorted.enumerated() {
            let (key, isThere) = change.element
            if index + 1 < sorted.count, Self.areSame(key, sorted[index + 1].element.key) { continue }
            while let known = next, Self.precedes(known, key) {
                merged.append(known)
                next = old.next()
            }
            if let known = next, Self.areSame(known, key) { next = old.next() }
            if isThere { merged.append(key) }
        }
        while let known = next {
            merged.append(known)
            next = old.next()
        }
        keys = merged
    }

    /// Some keys behind one.
    func page(after key: String?, limit: Int) -> ArraySlice<String> {
        guard let key else { return keys.prefix(limit) }
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if Self.precedes(key, keys[middle]) { high = middle } else { low = middle + 1 }
        }
        return keys[low...].prefix(limit)
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    private static func areSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
}
#endif
