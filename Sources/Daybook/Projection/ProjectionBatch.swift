import DaybookCore

/// Events of a page whose documents change in one transaction. Each document has a slot, from 0.
struct ProjectionBatch: Sendable {
    let page: ProjectionOutline
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
    /// - Parameter limit: The most documents. A transaction takes one more, that of the parked keys.
    /// - Throws: ``ProjectionError/reservedKey(_:)``.
    init(
        _ page: ProjectionOutline, from start: Int, limit: Int = Limits.documentsPerBatch - 1
    ) throws(ProjectionError) {
        self.page = page
        firstPart = start < page.recorded.count ? page.parts(start).lowerBound : 0
        var numbers: [String: Int] = [:]
        numbers.reserveCapacity(min(page.recorded.count - start, limit))
        var end = start
        while end < page.recorded.count {
            let (nameCount, slotCount, endCount) = (names.count, slots.count, slotEnds.count)
            var twin: String?
            for part in page.parts(end) {
                for key in page.keys[part] { slots.append(try Self.slot(of: key, &numbers, &names, &twin)) }
                slotEnds.append(slots.count)
            }
            for key in page.failures[end]?.keys ?? [] { _ = try Self.slot(of: key, &numbers, &names, &twin) }
            if let twin, end == start {
                throw .twinKeys(twin, at: ProjectionError.Place(page.recorded[end]))
            }
            // Two keys that Swift calls equal, in other bytes, are two documents, and cannot be told apart in one batch.
            if twin != nil || names.count > limit && end > start {
                names.removeSubrange(nameCount...)
                slots.removeSubrange(slotCount...)
                slotEnds.removeSubrange(endCount...)
                break
            }
            end += 1
        }
        range = start..<end
    }

    private static func slot(
        of key: String, _ numbers: inout [String: Int], _ names: inout [String], _ twin: inout String?
    ) throws(ProjectionError) -> Int {
        let number = Self.value(&numbers[key, default: names.count])
        guard number == names.count else {
            if !names[number].hasSameBytes(as: key) { twin = key }
            return number
        }
        guard key.utf8.first != 0x1F else { throw .reservedKey(key) }
        names.append(key)
        return number
    }

    /// What is in a place of a dictionary, and stays there: looked up and entered in one step.
    private static func value(_ place: inout Int) -> Int { place }

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
