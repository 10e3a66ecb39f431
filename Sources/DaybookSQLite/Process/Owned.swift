/// Hands something that is used by one thread at a time over to a thread.
package struct Owned<Value>: @unchecked Sendable {
    package let value: Value

    package init(_ value: Value) { self.value = value }
}
