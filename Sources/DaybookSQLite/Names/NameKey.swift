/// A name as a key of a dictionary. Compared byte by byte: two texts that look the same, but are written differently in
/// Unicode, are two names.
struct NameKey: Hashable {
    var kind: NameKind
    var text: String

    static func == (left: Self, right: Self) -> Bool {
        left.kind == right.kind && left.text.hasSameBytes(as: right.text)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
