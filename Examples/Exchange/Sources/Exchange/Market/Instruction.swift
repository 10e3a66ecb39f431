import DaybookCore

/// A command, and who gives it, when and why.
public struct Instruction<Command: Sendable>: Sendable {
    public var command: Command
    public var context: EventMetadata

    public init(_ command: Command, _ context: EventMetadata) {
        self.command = command
        self.context = context
    }
}
