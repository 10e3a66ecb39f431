#if Server
/// How the lines of the log are written.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: a line has time, level, label, message, and the values as `name=value`.
    case text
    /// For programs: a line is an object of JSON.
    case json
}
#endif
