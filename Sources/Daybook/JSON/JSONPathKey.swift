/// A step of a coding path, made from what stands in the JSON text: the key of a member, or the index of an element.
struct JSONPathKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) {
        stringValue = name
        intValue = Int(name)
    }

    init(index: Int) {
        stringValue = "Index \(index)"
        intValue = index
    }

    init(stringValue: String) { self.init(stringValue) }
    init(intValue: Int) { self.init("\(intValue)") }

    /// The member in which a class writes what its superclass encodes.
    static let superclass = JSONPathKey("super")
}
