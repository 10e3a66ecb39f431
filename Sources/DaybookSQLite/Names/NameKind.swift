/// What a numbered name stands for.
enum NameKind: UInt8 {
    case stream = 1
    case category = 2
    case type = 3
    case tag = 4
    case contentType = 5
}
