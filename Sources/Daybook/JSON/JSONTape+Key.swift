/// Where the members of an object are, by key: for objects with many members, and with keys that are not plain ASCII, so
/// that their bytes do not tell which are equal.
extension JSONTape {
    /// Up to so many members, looking at each key in turn is faster.
    static let indexThreshold: UInt32 = 16

    /// Whether an object's keys are looked at one by one.
    @inline(__always)
    func isLookedThrough(_ object: UInt32) -> Bool {
        self[object].isPlain && self[object].count <= Self.indexThreshold
    }

    /// Notes the first member of each key.
    ///
    /// - Returns: False when a key is no text.
    @inline(never)
    func makeIndex(of object: UInt32) -> Bool {
        if indexes[object] != nil { return true }
        var index: [String: UInt32] = Dictionary(minimumCapacity: Int(self[object].count))
        var key = object + 1
        while key < self[object].next {
            guard let text = text(of: key) else { return false }
            if index[text] == nil { index[text] = key }
            key = self[key + 1].next
        }
        indexes[object] = index
        return true
    }

    /// The key's token in an object that has an index.
    @inline(never)
    func key(_ name: String, of object: UInt32) -> UInt32? { indexes[object]?[name] }
}
