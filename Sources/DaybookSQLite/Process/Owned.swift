/// Hands something that is used by one thread at a time over to a thread.
struct Owned<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
