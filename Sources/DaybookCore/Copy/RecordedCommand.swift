/// What a store remembers of a command, for good.
public struct RecordedCommand: Sendable, Hashable {
    /// Its place among the commands of its store, from 1, rising.
    public let number: Int64
    public let command: CommandID
    /// Tells whether a later request with the command asks for the same; the same in every store.
    public let digest: UInt64
    public let result: AppendResult

    public init(number: Int64, command: CommandID, digest: UInt64, result: AppendResult) {
        self.number = number
        self.command = command
        self.digest = digest
        self.result = result
    }
}
