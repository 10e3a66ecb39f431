/// What a simulation did, step by step: all of it as a hash, and the last of it as text.
struct SimulationTrace {
    /// Equal for two runs that did the same.
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var steps = 0
    private var recent: [Entry] = []
    private var next = 0

    /// A step in so few words that it can be noted thousands of times a millisecond.
    private struct Entry {
        var step: Int
        var name: StaticString
        var first: Int
        var second: Int
        var text: String?
    }

    private let entriesKept: Int
    var keepsAll: Bool { entriesKept == .max }

    init(keepsAll: Bool) { entriesKept = keepsAll ? .max : 80 }

    mutating func note(_ name: StaticString, _ first: Int = 0, _ second: Int = 0, text: String? = nil) {
        steps += 1
        mix(UInt64(name.utf8CodeUnitCount) << 8 | UInt64(name.utf8Start.pointee))
        mix(UInt64(bitPattern: Int64(first)))
        mix(UInt64(bitPattern: Int64(second)))
        // Numbers in the text of an error may be those of bytes that SQLite or an event's identifier left to chance.
        if let text { for byte in text.utf8 where !(0x30...0x39).contains(byte) { mix(UInt64(byte)) } }
        let entry = Entry(step: steps, name: name, first: first, second: second, text: text)
        if recent.count < entriesKept { recent.append(entry) } else { recent[next % entriesKept] = entry }
        next += 1
    }

    private mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 32
    }

    /// The last steps, oldest first.
    var lastSteps: [String] {
        let start = recent.count < entriesKept ? 0 : next % entriesKept
        return (0..<recent.count).map { index in
            let entry = recent[(start + index) % recent.count]
            return "\(entry.step) \(entry.name) " + (entry.text ?? "\(entry.first) \(entry.second)")
        }
    }
}
