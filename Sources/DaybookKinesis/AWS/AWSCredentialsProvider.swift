#if Kinesis
import Foundation

/// Where credentials come from. An application that gets them from a role, a vault or the machine's own service gives one of
/// its own; ``AWSCredentials`` themselves are one that never changes.
public protocol AWSCredentialsProvider: Sendable {
    /// Asked before each request: keep what is good for a while.
    ///
    /// - Throws: When there are none now; the request is tried again later.
    func credentials() async throws -> AWSCredentials
}

extension AWSCredentials: AWSCredentialsProvider {
    public func credentials() async throws -> AWSCredentials { self }
}

/// Reads the environment of the process: see ``AWSCredentials/init(environment:)``.
public struct AWSEnvironmentCredentials: AWSCredentialsProvider {
    public init() {}

    public func credentials() async throws -> AWSCredentials {
        try AWSCredentials(environment: ProcessInfo.processInfo.environment)
    }
}
#endif
