#if Kinesis
/// Who asks: an access key and its secret, for a while with the token of a session. Its description shows the key alone.
public struct AWSCredentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    public let accessKeyID: String
    public let secretAccessKey: String
    public let sessionToken: String?

    public init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }

    /// Those that the variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` hold.
    ///
    /// - Throws: ``MissingAWSCredentials`` when one of the first two is not there or empty.
    public init(environment: [String: String]) throws(MissingAWSCredentials) {
        func value(_ name: String) throws(MissingAWSCredentials) -> String {
            guard let value = environment[name], !value.isEmpty else { throw MissingAWSCredentials(variable: name) }
            return value
        }
        accessKeyID = try value("AWS_ACCESS_KEY_ID")
        secretAccessKey = try value("AWS_SECRET_ACCESS_KEY")
        sessionToken = environment["AWS_SESSION_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
    }

    public var description: String { "AWS credentials of \(accessKeyID)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID]) }
}
#endif
