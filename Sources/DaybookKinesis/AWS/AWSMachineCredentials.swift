#if Kinesis
import AsyncHTTPClient
import DaybookCore
import Foundation
import NIOCore
import NIOHTTP1

/// The credentials of the role that AWS gave to the machine or container on which the program runs.
///
/// In a container of ECS or EKS they come from the address in `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or
/// `AWS_CONTAINER_CREDENTIALS_FULL_URI`, on a machine of EC2 from its metadata service, version 2. They are kept until five
/// minutes before they expire, and until they expire when the service does not answer then.
public actor AWSMachineCredentials: AWSCredentialsProvider {
    private let environment: [String: String]
    private let containerService: String
    private let machineService: String
    private let time: TimeSource
    private let client: HTTPClient
    private var kept: (credentials: AWSCredentials, expires: Timestamp)?
    /// Those who ask meanwhile wait for the same answer.
    private var asking: Task<(AWSCredentials, Timestamp), any Error>?

    public init() {
        self.init(
            environment: ProcessInfo.processInfo.environment, containerService: "http://169.254.170.2",
            machineService: "http://169.254.169.254", time: .system)
    }

    init(environment: [String: String], containerService: String, machineService: String, time: TimeSource) {
        self.environment = environment
        self.containerService = containerService
        self.machineService = machineService
        self.time = time
        client = HTTPClient(configuration: HTTPClient.Configuration(redirectConfiguration: .disallow))
    }

    deinit { client.shutdown { _ in } }

    /// - Throws: ``NoMachineCredentials``, or what kept the service from answering.
    public func credentials() async throws -> AWSCredentials {
        if let kept, kept.expires > time.now.advanced(by: .seconds(300)) { return kept.credentials }
        let task =
            asking
            ?? Task { [environment, containerService, machineService, client] in
                try await Self.ask(
                    environment: environment, containerService: containerService, machineService: machineService, client
                )
            }
        asking = task
        defer { asking = nil }
        do {
            let (credentials, expires) = try await task.value
            kept = (credentials, expires)
            return credentials
        } catch {
            if let kept, kept.expires > time.now { return kept.credentials }
            throw error
        }
    }

    private struct Answer: Decodable {
        var accessKeyID: String
        var secretAccessKey: String
        var token: String
        var expiration: String

        enum CodingKeys: String, CodingKey {
            case accessKeyID = "AccessKeyId"
            case secretAccessKey = "SecretAccessKey"
            case token = "Token"
            case expiration = "Expiration"
        }
    }

    private static func ask(
        environment: [String: String], containerService: String, machineService: String, _ client: HTTPClient
    ) async throws -> (AWSCredentials, Timestamp) {
        let text: [UInt8]
        if let path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], path.hasPrefix("/") {
            text = try await get(containerService + path, [:], client)
        } else if let address = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
            // The token goes there in the clear otherwise.
            guard let url = URL(string: address), let host = url.host,
                url.scheme == "https" || (url.scheme == "http" && localServices.contains(host))
            else { throw NoMachineCredentials() }
            var headers: [String: String] = [:]
            if let file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
                headers["Authorization"] = try String(contentsOfFile: file, encoding: .utf8)
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            } else {
                headers["Authorization"] = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
            }
            text = try await get(address, headers, client)
        } else {
            let service = machineService + "/latest"
            let token = try await get(
                service + "/api/token", ["X-aws-ec2-metadata-token-ttl-seconds": "21600"], client, method: .PUT)
            let headers = ["X-aws-ec2-metadata-token": String(decoding: token, as: UTF8.self)]
            let roles = service + "/meta-data/iam/security-credentials/"
            let role = String(decoding: try await get(roles, headers, client), as: UTF8.self)
            guard let first = role.split(whereSeparator: \.isNewline).first else { throw NoMachineCredentials() }
            text = try await get(roles + first, headers, client)
        }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(text)),
            let expires = Timestamp(answer.expiration)
        else { throw NoMachineCredentials() }
        return (
            AWSCredentials(
                accessKeyID: answer.accessKeyID, secretAccessKey: answer.secretAccessKey, sessionToken: answer.token),
            expires
        )
    }

    /// Those of this machine, of ECS and of EKS.
    private static let localServices: Set<String> = [
        "localhost", "127.0.0.1", "::1", "[::1]", "169.254.170.2", "169.254.170.23", "fd00:ec2::23", "[fd00:ec2::23]",
    ]

    private static func get(
        _ address: String, _ headers: [String: String], _ client: HTTPClient, method: HTTPMethod = .GET
    ) async throws -> [UInt8] {
        var request = HTTPClientRequest(url: address)
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await client.execute(request, timeout: .seconds(5))
        guard response.status == .ok else { throw NoMachineCredentials() }
        return Array(try await response.body.collect(upTo: 64 << 10).readableBytesView)
    }
}
#endif
