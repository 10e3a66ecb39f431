/// A dictionary of bounded size that forgets what was not used for longest, more or less: when the younger half is full
/// it becomes the older one, and what is in the older one alone is dropped.
struct RecentCache<Key: Hashable, Value> {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private let halfSize: Int

    /// How many are remembered; those in both halves count twice.
    var count: Int { young.count + old.count }

    init(capacity: Int) { halfSize = max(1, capacity / 2) }

    subscript(key: Key) -> Value? {
        mutating get {
            if let value = young[key] { return value }
            // It stays in the older half too, behind this one.
            guard let value = old[key] else { return nil }
            insert(value, for: key)
            return value
        }
        set {
            if let newValue {
                insert(newValue, for: key)
            } else {
                young.removeValue(forKey: key)
                old.removeValue(forKey: key)
            }
        }
    }

    mutating func removeAll() {
        young.removeAll()
        old.removeAll()
    }

    private mutating func insert(_ value: Value, for key: Key) {
        if young.count >= halfSize, young[key] == nil {
            old = young
            young = [:]
            young.reserveCapacity(halfSize)
        }
        young[key] = value
    }
}
