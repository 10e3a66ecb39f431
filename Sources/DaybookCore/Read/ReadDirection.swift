/// Which way a read goes.
public enum ReadDirection: String, Sendable, Hashable {
    case forward
    case backward
}
