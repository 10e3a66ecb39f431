#if Kinesis
/// The machine or container has no role, or its service does not say so in the way that is known.
public struct NoMachineCredentials: Error, Equatable, CustomStringConvertible {
    public init() {}

    public var description: String {
        "This machine or container gives no AWS credentials: does it have a role?"
    }
}
#endif
