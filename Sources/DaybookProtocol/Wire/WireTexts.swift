/// Texts that were read before from the same bytes: the events of a page have few streams and types, so that most of their names
/// are made once.
package struct WireTexts {
    private static let size = 64
    private var places = [Range<Int>](repeating: 0..<0, count: Self.size)
    private var texts = [String](repeating: "", count: Self.size)

    package init() {}

    /// By its length and its last bytes, in which names differ most.
    private static func slot(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var hash = UInt64(range.count)
        for index in max(range.lowerBound, range.upperBound - 8)..<range.upperBound {
            hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3
        }
        return Int(truncatingIfNeeded: (hash ^ hash >> 23) & UInt64(size - 1))
    }

    private var lastSlot = 0

    /// The text of these bytes, if it stands in its slot.
    mutating func known(_ bytes: [UInt8], _ range: Range<Int>) -> String? {
        lastSlot = Self.slot(bytes, range)
        let place = places[lastSlot]
        guard place.count == range.count, !place.isEmpty else { return nil }
        return bytes[place] == bytes[range] ? texts[lastSlot] : nil
    }

    /// Keeps the text that was looked for last.
    mutating func remember(_ text: String, _ range: Range<Int>) {
        places[lastSlot] = range
        texts[lastSlot] = text
    }
}
