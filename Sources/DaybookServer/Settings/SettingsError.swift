#if Server
/// Why a server does not start with what was said of how it is to run.
public enum SettingsError: Error, Equatable, CustomStringConvertible {
    /// There is no such file.
    case missingFile(path: String, source: String)
    /// The file cannot be read, or is no object of JSON.
    case unreadableFile(path: String, reason: String)
    /// There is no setting of this name; what stands there is not repeated, since nobody knows whether it is a secret.
    case unknown(name: String, source: String, similar: String?)
    /// One setting stands twice in one source.
    case twice(name: String, source: String)
    case wrong(name: String, source: String, value: String, wanted: String)
    /// Settings that are each as they should be, but do not go together.
    case conflict(String)

    public var description: String {
        switch self {
        case .missingFile(let path, let source):
            "The configuration file '\(path)', which \(source) names, does not exist: name one that is there, or none; "
                + "'daybook serve --print-configuration' lists what can be set without one."
        case .unreadableFile(let path, let reason):
            "The configuration file '\(path)' cannot be used (\(reason)): name a file that is there, with an object of JSON "
                + #"such as {"port": 2113, "limits": {"connections": 1000}}."#
        case .unknown(let name, let source, let similar):
            "\(source): '\(name)' is no setting\(similar.map { "; did you mean '\($0)'" } ?? ""): "
                + "'daybook serve --print-configuration' lists all."
        case .twice(let name, let source):
            "\(source): '\(name)' stands there twice: leave one out."
        case .wrong(let name, let source, let value, let wanted):
            "\(source): '\(name)' is \(value): write \(wanted)."
        case .conflict(let text):
            text
        }
    }
}
#endif
