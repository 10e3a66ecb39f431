/// What the index leads from: a stream to its events, a tag to those that have it, a name's hash to its number.
struct IndexKey: Hashable, Comparable {
    enum Kind: UInt8 {
        /// A stream's name number → positions, counted by version.
        case stream = 1
        /// A category's name number → positions.
        case category = 2
        /// An event type's name number → positions.
        case type = 3
        /// A tag's name number → positions.
        case tag = 4
        /// A stream's name number → positions of its control events.
        case control = 5
        /// The hash of a name → numbers of the names that have it.
        case name = 6
        /// The hash of a command identifier → numbers of the commits that have it.
        case command = 7
        /// One of the keys below → numbers of what a damaged file has lost, and what may be anybody's.
        case lost = 8
    }

    var kind: Kind
    var key: Int64

    /// At once, since keys are looked up several times for each event.
    func hash(into hasher: inout Hasher) {
        hasher.combine(UInt64(bitPattern: key) ^ UInt64(kind.rawValue) << 56)
    }

    static func < (left: Self, right: Self) -> Bool {
        (left.kind.rawValue, left.key) < (right.kind.rawValue, right.key)
    }

    /// FNV-1a of 64 bits over one byte for the kind of text and its UTF-8: http://www.isthe.com/chongo/tech/comp/fnv/
    static func hash(_ kind: UInt8, _ text: String) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        hash = (hash ^ UInt64(kind)) &* 0x0000_0100_0000_01B3
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return Int64(bitPattern: hash)
    }

    static func name(_ kind: NameKind, _ text: String) -> IndexKey {
        IndexKey(kind: .name, key: hash(kind.rawValue, text))
    }

    /// Positions of damaged events. Nothing tells their types and tags: whoever looks for some comes across these too.
    static let damagedEvents = IndexKey(kind: .lost, key: 1)
    /// Those of them whose streams are not told either.
    static let unplacedEvents = IndexKey(kind: .lost, key: 2)
    /// Numbers of lost names.
    static let lostNames = IndexKey(kind: .lost, key: 3)
    /// Numbers of lost commits, of whose commands not even the hash is known.
    static let lostCommits = IndexKey(kind: .lost, key: 4)

    static func command(_ id: String) -> IndexKey { IndexKey(kind: .command, key: hash(0, id)) }
}
