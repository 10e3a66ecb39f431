import DaybookCore

/// Events of a page whose documents change in one transaction. Each document has a slot, from 0.
struct ProjectionBatch<P: Projection>: Sendable {
    let page: ProjectionPage<P>
    /// The numbers of the recorded events.
    let range: Range<Int>
    /// The document of each slot.
    private(set) var names: [String] = []
    /// The slots of each event's keys, one event behind the other; ``slotEnds`` tells where those of an event end.
    private(set) var slots: [Int] = []
    private(set) var slotEnds: [Int] = []
    let firstPart: Int

    /// As many events from a number on as change no more documents than a transaction takes; at least one.
    ///
    /// - Throws: ``ProjectionError/reservedKey(_:)``.
    init(_ page: ProjectionPage<P>, from start: Int, limit: Int = Limits.documentsPerBatch - 1) throws(ProjectionError)
    {
        self.page = page
        firstPart = start < page.recorded.count ? page.parts(start).lowerBound : 0
        var numbers: [String: Int] = [:]
        numbers.reserveCapacity(min(page.recorded.count - start, limit))
        var end = start
        // One document more is that of the parked keys.
        while end < page.recorded.count {
            let (known, known2, known3) = (names.count, slots.count, slotEnds.count)
            for part in page.parts(end) {
                for key in page.keys[part] { slots.append(try Self.slot(of: key, &numbers, &names)) }
                slotEnds.append(slots.count)
            }
            if let failure = page.failures[end] {
                for key in failure.keys ?? [] { _ = try Self.slot(of: key, &numbers, &names) }
            }
            if names.count > limit, end > start {
                names.removeSubrange(known...)
                slots.removeSubrange(known2...)
                slotEnds.removeSubrange(known3...)
                break
            }
            end += 1
        }
        range = start..<end
    }

    private static func slot(
        of key: String, _ numbers: inout [String: Int], _ names: inout [String]
    ) throws(ProjectionError) -> Int {
        if let number = numbers[key] { return number }
        guard key != ParkedKeys.document else { throw .reservedKey(key) }
        numbers[key] = names.count
        names.append(key)
        return names.count - 1
    }

    /// The slots of an event of the page, in the order of its keys.
    func slotRange(_ part: Int) -> Range<Int> {
        let number = part - firstPart
        return (number == 0 ? 0 : slotEnds[number - 1])..<slotEnds[number]
    }

    /// The position of the last event before a number; nil when there is none in the batch.
    func position(before index: Int) -> Position? {
        index > range.lowerBound ? page.recorded[index - 1].position : nil
    }
}
