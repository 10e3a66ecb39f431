/// What an encoder has been given so far: the texts of keys and scalars in one buffer, and a tree of nodes that says
/// where they belong.
///
/// `Codable` types may fill several containers in turn, open one again, and give a key twice, and the keys must come
/// out sorted; so the document is put together at the end, in one pass (``render(_:)``). Nodes and texts lie in two
/// flat buffers: no object is made for a value.
///
/// Of two values for one key the last counts; a value in the place of another replaces it.
final class JSONDraft {
    struct Node {
        enum Kind: UInt8 {
            /// Nothing was encoded: an empty object, as a value that encodes nothing is written.
            case nothing
            case scalar, object, array
            /// Its encoding threw.
            case dropped
        }

        var kind = Kind.nothing
        /// The key has characters that must be escaped.
        var escapesKey = false
        /// One of an object's keys is not ASCII, so that keys of different bytes may be equal.
        var hasForeignKeys = false
        var isMember = false
        /// How many containers stand around it.
        var depth: UInt32
        var parent: Int32
        /// The next one in the same container; -1 for none.
        var next: Int32 = -1
        /// How many values a container has.
        var count: Int32 = 0
        /// A scalar's text, or a container's first and last child (-1 for none).
        var start = -1
        var end = -1
        var keyStart = 0
        var keyCount = 0
        /// The key's first eight bytes as a number, to sort by; the index of an element.
        var order: UInt64 = 0
    }

    static let root: Int32 = 0

    @exclusivity(unchecked) private(set) var nodes: UnsafeMutablePointer<Node>
    @exclusivity(unchecked) private(set) var nodeCount = 1
    @exclusivity(unchecked) private var nodeCapacity = 32
    @exclusivity(unchecked) private(set) var texts: UnsafeMutablePointer<UInt8>
    @exclusivity(unchecked) var textCount = 0
    @exclusivity(unchecked) private var textCapacity = 1024
    /// The most bytes that the document can have beside its texts: commas, quotes, brackets, escapes in keys.
    @exclusivity(unchecked) var punctuation = 2
    /// The members of the objects that are being rendered, in order; a stack, made when rendering begins.
    @exclusivity(unchecked) var sorted: UnsafeMutablePointer<Int32>?
    @exclusivity(unchecked) var sortedCount = 0
    /// The members of the object in which keys were last looked up: the nodes of its keys.
    @exclusivity(unchecked) private var lookup: (object: Int32, last: Int, nodes: [String: Int32]) = (-1, -1, [:])

    init() {
        nodes = .allocate(capacity: nodeCapacity)
        texts = .allocate(capacity: textCapacity)
        nodes.initialize(to: Node(depth: 0, parent: -1))
    }

    deinit {
        nodes.deallocate()
        texts.deallocate()
        sorted?.deallocate()
    }

    // MARK: Tree

    /// Adds a member without a value yet.
    @inline(__always)
    func add(_ key: some CodingKey, to object: Int32) -> Int32 {
        var name = key.stringValue
        return name.withUTF8 { add($0, to: object) }
    }

    private func add(_ name: UnsafeBufferPointer<UInt8>, to object: Int32) -> Int32 {
        let (growth, isASCII) = JSONEscape.measure(name)
        let node = link(to: object)
        punctuation &+= growth &+ 4
        reserve(name.count)
        let start = textCount
        var order: UInt64 = 0
        if let base = name.baseAddress {
            (texts + start).update(from: base, count: name.count)
            if name.count >= 8 {
                order = JSONWord.load(base).byteSwapped
            } else {
                for index in 0..<name.count { order = order << 8 | UInt64(base[index]) }
                order <<= UInt64(8 &* (8 &- name.count))
            }
        }
        textCount = start &+ name.count
        let pointer = nodes + Int(node)
        pointer.pointee.isMember = true
        pointer.pointee.escapesKey = growth > 0
        pointer.pointee.keyStart = start
        pointer.pointee.keyCount = name.count
        pointer.pointee.order = order
        if !isASCII { nodes[Int(object)].hasForeignKeys = true }
        return node
    }

    /// Adds an element without a value yet.
    func addElement(to array: Int32) -> Int32 {
        let index = nodes[Int(array)].count
        let node = link(to: array)
        punctuation &+= 1
        nodes[Int(node)].order = UInt64(index)
        return node
    }

    private func link(to parent: Int32) -> Int32 {
        if nodeCount == nodeCapacity { growNodes() }
        let node = Int32(nodeCount)
        nodeCount &+= 1
        punctuation &+= 2
        let container = nodes + Int(parent)
        (nodes + Int(node)).initialize(to: Node(depth: container.pointee.depth &+ 1, parent: parent))
        if container.pointee.end >= 0 {
            nodes[container.pointee.end].next = node
        } else {
            container.pointee.start = Int(node)
        }
        container.pointee.end = Int(node)
        container.pointee.count &+= 1
        return node
    }

    /// Makes a node a container, if it is not one of this kind yet.
    func open(_ node: Int32, as kind: Node.Kind) {
        let pointer = nodes + Int(node)
        guard pointer.pointee.kind != kind else { return }
        clear(node)
        pointer.pointee.kind = kind
    }

    /// Takes back what was encoded at a node.
    func clear(_ node: Int32) {
        let pointer = nodes + Int(node)
        if pointer.pointee.kind == .scalar { punctuation &+= 2 }
        pointer.pointee.kind = .nothing
        pointer.pointee.start = -1
        pointer.pointee.end = -1
        pointer.pointee.count = 0
        pointer.pointee.hasForeignKeys = false
        lookup.object = -1
    }

    /// Takes a node out of its container: its encoding threw.
    func drop(_ node: Int32) {
        nodes[Int(node)].kind = .dropped
        let parent = Int(nodes[Int(node)].parent)
        if parent >= 0 { nodes[parent].count -= 1 }
        lookup.object = -1
    }

    /// The member that an object has for a key, last; added when there is none.
    ///
    /// - Complexity: O(members added since the last call) for the same object, else O(members).
    func member(_ key: some CodingKey, of object: Int32) -> Int32 {
        let name = key.stringValue
        if nodes[Int(object)].count > 0 {
            if lookup.object != object { lookup = (object, -1, [:]) }
            var node = lookup.last < 0 ? nodes[Int(object)].start : Int(nodes[lookup.last].next)
            while node >= 0 {
                lookup.last = node
                if nodes[node].kind != .dropped { lookup.nodes[keyText(of: node)] = Int32(node) }
                node = Int(nodes[node].next)
            }
            if let found = lookup.nodes[name] { return found }
        }
        return add(key, to: object)
    }

    // MARK: Scalars

    func write(literal text: StaticString, at node: Int32) {
        write(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount), at: node)
    }

    func write(_ text: UnsafeBufferPointer<UInt8>, at node: Int32) {
        reserve(text.count)
        if let base = text.baseAddress { (texts + textCount).update(from: base, count: text.count) }
        finish(node, count: text.count)
    }

    func write(_ value: Bool, at node: Int32) { write(literal: value ? "true" : "false", at: node) }

    func write(_ value: String, at node: Int32) {
        var value = value
        value.withUTF8 { text in
            let growth = JSONEscape.measure(text).growth
            reserve(text.count &+ growth &+ 2)
            var out = texts + textCount
            out.pointee = UInt8(ascii: "\"")
            out += 1
            if growth > 0 {
                JSONEscape.write(text, to: &out)
            } else if let base = text.baseAddress {
                out.update(from: base, count: text.count)
                out += text.count
            }
            out.pointee = UInt8(ascii: "\"")
            finish(node, count: text.count &+ growth &+ 2)
        }
    }

    @inline(__always)
    func write<Value: FixedWidthInteger>(_ value: Value, at node: Int32) {
        if Value.bitWidth <= 64 {
            write(magnitude: UInt64(truncatingIfNeeded: value.magnitude), isNegative: value < 0, at: node)
        } else {
            var text = String(value)
            text.withUTF8 { write($0, at: node) }
        }
    }

    private func write(magnitude: UInt64, isNegative: Bool, at node: Int32) {
        reserve(20)
        var count = isNegative ? 2 : 1
        var rest = magnitude
        while rest >= 10 {
            rest /= 10
            count &+= 1
        }
        var out = texts + textCount
        out.pointee = UInt8(ascii: "-")
        out += count
        rest = magnitude
        repeat {
            out -= 1
            out.pointee = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        finish(node, count: count)
    }

    /// Writes a finite number in the fewest digits that give it back, without an empty fraction.
    func write(_ value: Double, at node: Int32) {
        if value.magnitude < 0x1p53, value == value.rounded(.towardZero), value != 0 || value.sign == .plus {
            write(magnitude: UInt64(value.magnitude), isNegative: value < 0, at: node)
        } else {
            write(floatingPoint: value.description, at: node)
        }
    }

    func write(_ value: Float, at node: Int32) {
        if value.magnitude < 0x1p24, value == value.rounded(.towardZero), value != 0 || value.sign == .plus {
            write(magnitude: UInt64(value.magnitude), isNegative: value < 0, at: node)
        } else {
            write(floatingPoint: value.description, at: node)
        }
    }

    private func write(floatingPoint text: String, at node: Int32) {
        var text = text
        text.withUTF8 { bytes in
            let isWhole =
                bytes.count > 2 && bytes[bytes.count - 1] == UInt8(ascii: "0")
                && bytes[bytes.count - 2] == UInt8(ascii: ".")
            write(UnsafeBufferPointer(rebasing: bytes.dropLast(isWhole ? 2 : 0)), at: node)
        }
    }

    /// Writes a string of ASCII without anything to escape, made by a closure that gets room for its characters.
    @inline(__always)
    func writeString(count: Int, at node: Int32, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        reserve(count &+ 2)
        let out = texts + textCount
        out.pointee = UInt8(ascii: "\"")
        fill(out + 1)
        out[count &+ 1] = UInt8(ascii: "\"")
        finish(node, count: count &+ 2)
    }

    /// Makes a node the scalar whose text stands behind the last one.
    @inline(__always)
    private func finish(_ node: Int32, count: Int) {
        let pointer = nodes + Int(node)
        if pointer.pointee.kind != .nothing { clear(node) }
        pointer.pointee.kind = .scalar
        punctuation &-= 2
        pointer.pointee.start = textCount
        textCount &+= count
        pointer.pointee.end = textCount
    }

    // MARK: Room

    @inline(__always)
    private func reserve(_ count: Int) {
        if textCapacity &- textCount < count { growTexts(count) }
    }

    @inline(never)
    private func growTexts(_ count: Int) {
        textCapacity = max(textCapacity * 2, textCount + count)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: textCapacity)
        larger.initialize(from: texts, count: textCount)
        texts.deallocate()
        texts = larger
    }

    @inline(never)
    private func growNodes() {
        nodeCapacity *= 2
        let larger = UnsafeMutablePointer<Node>.allocate(capacity: nodeCapacity)
        larger.moveInitialize(from: nodes, count: nodeCount)
        nodes.deallocate()
        nodes = larger
    }

    // MARK: Places

    func keyBytes(of node: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: texts + nodes[node].keyStart, count: nodes[node].keyCount)
    }

    func keyText(of node: Int) -> String { String(decoding: keyBytes(of: node), as: UTF8.self) }

    func path(of node: Int32) -> [any CodingKey] {
        var path: [any CodingKey] = []
        var node = Int(node)
        while nodes[node].parent >= 0 {
            path.append(
                nodes[node].isMember ? JSONPathKey(keyText(of: node)) : JSONPathKey(index: Int(nodes[node].order)))
            node = Int(nodes[node].parent)
        }
        return path.reversed()
    }
}
