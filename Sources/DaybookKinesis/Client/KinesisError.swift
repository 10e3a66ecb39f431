#if Kinesis
/// What Kinesis answered instead of doing what it was asked for, or that it did not answer.
public struct KinesisError: Error, Equatable, CustomStringConvertible {
    /// As AWS names it: `ResourceNotFoundException`; one of ours when no answer of AWS came: `NoAnswer`, `NoCredentials`.
    public let type: String
    /// One line, of AWS.
    public let message: String
    /// By which AWS finds the request.
    public let requestID: String?
    /// Nil when no answer came.
    public let status: Int?

    public init(type: String, message: String, requestID: String? = nil, status: Int? = nil) {
        self.type = type
        self.message = message
        self.requestID = requestID
        self.status = status
    }

    /// Whether the same request may well succeed a little later.
    public var isTransient: Bool {
        guard let status else { return true }
        return status >= 500 || status == 429 || Self.transientTypes.contains(type)
    }

    /// Whether it says that the request itself is wrong.
    var isInvalidRequest: Bool {
        ["ValidationException", "InvalidArgumentException", "SerializationException"].contains(type)
    }

    static let noAnswer = "NoAnswer"
    static let noCredentials = "NoCredentials"

    private static let transientTypes: Set<String> = [
        "ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException", "Throttling",
        "ThrottledException", "RequestLimitExceeded", "KMSThrottlingException", "InternalFailure",
        "InternalFailureException",
        "ServiceUnavailable", "ResourceInUseException", "ExpiredTokenException", "RequestTimeout",
    ]

    public var description: String {
        let number = status.map { " (\($0))" } ?? ""
        let request = requestID.map { "; request \($0)" } ?? ""
        return "Kinesis: \(type)\(number): \(message)\(request)"
    }
}
#endif
