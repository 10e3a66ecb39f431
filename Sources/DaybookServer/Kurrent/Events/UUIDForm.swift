#if Server
/// How a client wants to be given identifiers.
enum UUIDForm: Sendable {
    /// As two numbers of 64 bits, the layout of Java's `UUID`.
    case structured
    /// As text in lower case.
    case string
}
#endif
