/// What a numbered name stands for.
enum NameKind: UInt8 {
    /// What a salvaged file has in the place of a name that it lost.
    case lost = 0
    case stream = 1
    case category = 2
    case type = 3
    case tag = 4
    case contentType = 5
}
