/// Puts the document together: objects with their keys in order, each key once.
extension JSONDraft {
    /// A value's text.
    ///
    /// - Throws: ``TooDeep``.
    func render(_ node: Int32) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: textCount + punctuation) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            var out = start
            try render(Int(node), to: &out)
            count = out - start
        }
    }

    /// Containers are nested deeper than ``JSONTape/maximumDepth``.
    struct TooDeep: Error {}

    private func render(_ node: Int, to out: inout UnsafeMutablePointer<UInt8>) throws {
        let pointer = nodes + node
        switch pointer.pointee.kind {
        case .scalar:
            let count = pointer.pointee.end &- pointer.pointee.start
            out.update(from: texts + pointer.pointee.start, count: count)
            out += count
        case .object:
            guard pointer.pointee.depth < JSONTape.maximumDepth else { throw TooDeep() }
            try renderObject(node, to: &out)
        case .array:
            guard pointer.pointee.depth < JSONTape.maximumDepth else { throw TooDeep() }
            put(UInt8(ascii: "["), to: &out)
            var isFirst = true
            var child = pointer.pointee.start
            while child >= 0 {
                if nodes[child].kind != .dropped {
                    if !isFirst { put(UInt8(ascii: ","), to: &out) }
                    isFirst = false
                    try render(child, to: &out)
                }
                child = Int(nodes[child].next)
            }
            put(UInt8(ascii: "]"), to: &out)
        case .nothing, .dropped:
            put(UInt8(ascii: "{"), to: &out)
            put(UInt8(ascii: "}"), to: &out)
        }
    }

    private func renderObject(_ node: Int, to out: inout UnsafeMutablePointer<UInt8>) throws {
        put(UInt8(ascii: "{"), to: &out)
        let base = sortedCount
        let stack = sortMembers(of: node)
        for index in base..<sortedCount {
            if index > base { put(UInt8(ascii: ","), to: &out) }
            let member = Int(stack[index])
            let key = keyBytes(of: member)
            put(UInt8(ascii: "\""), to: &out)
            if nodes[member].escapesKey {
                JSONEscape.write(key, to: &out)
            } else if let start = key.baseAddress {
                out.update(from: start, count: key.count)
                out += key.count
            }
            put(UInt8(ascii: "\""), to: &out)
            put(UInt8(ascii: ":"), to: &out)
            try render(member, to: &out)
        }
        sortedCount = base
        put(UInt8(ascii: "}"), to: &out)
    }

    @inline(__always)
    private func put(_ byte: UInt8, to out: inout UnsafeMutablePointer<UInt8>) {
        out.pointee = byte
        out += 1
    }

    // MARK: Order

    /// Puts the members of an object on the stack, in the order of their keys' UTF-8 bytes, each key once.
    ///
    /// - Returns: The stack, which has room for all nodes.
    private func sortMembers(of object: Int) -> UnsafeMutablePointer<Int32> {
        if nodes[object].hasForeignKeys { mergeEqualKeys(of: object) }
        let stack = sorted ?? .allocate(capacity: nodeCount)
        sorted = stack
        let base = sortedCount
        var count = base
        var isSorted = true
        var child = nodes[object].start
        while child >= 0 {
            if nodes[child].kind != .dropped {
                if isSorted, count > base, compare(Int(stack[count &- 1]), child) >= 0 { isSorted = false }
                stack[count] = Int32(truncatingIfNeeded: child)
                count &+= 1
            }
            child = Int(nodes[child].next)
        }
        sortedCount = count
        if !isSorted {
            if count &- base <= 32 {
                insertionSort(stack, base..<count)
            } else {
                var members = UnsafeMutableBufferPointer(start: stack + base, count: count &- base)
                members.sort { left, right in
                    let order = compare(Int(left), Int(right))
                    return order < 0 || order == 0 && left < right
                }
            }
            keepLast(stack, base..<count)
        }
        return stack
    }

    private func insertionSort(_ stack: UnsafeMutablePointer<Int32>, _ range: Range<Int>) {
        for index in range.dropFirst() {
            let member = stack[index]
            var place = index
            while place > range.lowerBound, compare(Int(stack[place &- 1]), Int(member)) > 0 {
                stack[place] = stack[place &- 1]
                place &-= 1
            }
            stack[place] = member
        }
    }

    /// Leaves the last of the members with one key, which stand side by side in the order in which they were added.
    private func keepLast(_ stack: UnsafeMutablePointer<Int32>, _ range: Range<Int>) {
        var kept = range.lowerBound
        for index in range {
            if index &+ 1 < range.upperBound, compare(Int(stack[index]), Int(stack[index &+ 1])) == 0 { continue }
            stack[kept] = stack[index]
            kept &+= 1
        }
        sortedCount = kept
    }

    /// Gives members whose keys are equal as texts, in other bytes (é is one scalar or two), the bytes of the first.
    private func mergeEqualKeys(of object: Int) {
        var first: [String: Int] = [:]
        var child = nodes[object].start
        while child >= 0 {
            if nodes[child].kind != .dropped {
                if let other = first[keyText(of: child)] {
                    nodes[child].keyStart = nodes[other].keyStart
                    nodes[child].keyCount = nodes[other].keyCount
                    nodes[child].order = nodes[other].order
                    nodes[child].escapesKey = nodes[other].escapesKey
                } else {
                    first[keyText(of: child)] = child
                }
            }
            child = Int(nodes[child].next)
        }
    }

    /// Below, at or above 0, as the first key stands before, with or behind the second.
    @inline(__always)
    private func compare(_ left: Int, _ right: Int) -> Int {
        let (first, second) = (nodes + left, nodes + right)
        if first.pointee.order != second.pointee.order {
            return first.pointee.order < second.pointee.order ? -1 : 1
        }
        return compareBytes(left, right)
    }

    private func compareBytes(_ left: Int, _ right: Int) -> Int {
        let (first, second) = (keyBytes(of: left), keyBytes(of: right))
        var index = 0
        while index < first.count, index < second.count {
            if first[index] != second[index] { return first[index] < second[index] ? -1 : 1 }
            index &+= 1
        }
        return first.count - second.count
    }

    // MARK: Cases

    /// The one member of an object that has one, for an enum's case with its values.
    ///
    /// - Returns: Nil for any other shape.
    func onlyObjectMember(of node: Int32) -> Int32? {
        guard nodes[Int(node)].kind == .object, nodes[Int(node)].count > 0 else { return nil }
        let stack = sortMembers(of: Int(node))
        let count = sortedCount
        sortedCount = 0
        guard count == 1, nodes[Int(stack[0])].kind == .object || nodes[Int(stack[0])].kind == .nothing else {
            return nil
        }
        return stack[0]
    }
}
