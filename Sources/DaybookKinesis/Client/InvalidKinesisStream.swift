#if Kinesis
/// Why a ``KinesisStream`` cannot be named so.
public enum InvalidKinesisStream: Error, Equatable, CustomStringConvertible {
    case name(String)
    case region(String)
    case endpoint(String)

    public var description: String {
        switch self {
        case .name(let name):
            "'\(name)' is no name of a Kinesis stream: use 1 to 128 letters, digits, '_', '.' and '-'."
        case .region(let region): "'\(region)' is no AWS region: use one such as 'eu-central-1'."
        case .endpoint(let endpoint):
            "'\(endpoint)' is no endpoint: use 'https://' and a host, without a path; plain 'http' to another machine must "
                + "be allowed."
        }
    }
}
#endif
