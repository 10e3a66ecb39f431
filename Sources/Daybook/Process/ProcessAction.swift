/// One of the things that follow when a process manager reacts. Those of one reaction take place together.
public enum ProcessAction<Event: Sendable, Command: Sendable>: Sendable {
    /// Records an event of the process.
    case record(Event)
    /// Sends a command, after everything that the process sent before it.
    case send(Command)
    /// Lets a deadline pass some time after what is reacted to was recorded; in place of one of the same name.
    case setDeadline(String, after: Duration)
    /// Takes a deadline back; nothing when there is none of the name.
    case cancelDeadline(String)
}

extension ProcessAction: Equatable where Event: Equatable, Command: Equatable {}
