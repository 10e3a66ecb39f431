/// The elements that a type asks for by itself: without a sample, there is one.
struct ShapeUnkeyedContainer: UnkeyedDecodingContainer {
    private struct Index: CodingKey {
        let intValue: Int?
        var stringValue: String { "\(intValue ?? 0)" }
        init(intValue: Int) { self.intValue = intValue }
        init?(stringValue: String) { return nil }
    }

    let decoder: ShapeDecoder
    private(set) var currentIndex = 0

    init(decoder: ShapeDecoder) {
        self.decoder = decoder
        if decoder.node.whole == nil { decoder.node.whole = .list(.any) }
    }

    private var elements: [JSONValue]? {
        if case .array(let elements)? = decoder.value { elements } else { nil }
    }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { elements?.count }
    var isAtEnd: Bool { currentIndex >= elements?.count ?? 1 }

    private mutating func part() throws -> (decoder: ShapeDecoder, node: ShapeNode) {
        if let elements, currentIndex >= elements.count {
            throw DecodingError.valueNotFound(
                JSONValue.self,
                DecodingError.Context(codingPath: codingPath, debugDescription: "The sample's list ends here."))
        }
        defer { currentIndex += 1 }
        let node = ShapeNode()
        return (decoder.part(node, elements?[currentIndex], Index(intValue: currentIndex)), node)
    }

    mutating func decodeNil() throws -> Bool {
        guard let elements, currentIndex < elements.count, elements[currentIndex] == .null else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let isFirst = currentIndex == 0
        let (part, node) = try part()
        let value = try part.decode(type)
        if isFirst {
            decoder.node.whole = .list(node.shape)
        } else if decoder.node.whole != .list(node.shape) {
            decoder.node.whole = .list(.any)
        }
        return value
    }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> { try part().decoder.container(keyedBy: type) }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try part().decoder.unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder { try part().decoder }
}

/// The one value that a type asks for.
struct ShapeSingleValueContainer: SingleValueDecodingContainer {
    let decoder: ShapeDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { decoder.value == .null }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
}
