import DaybookCore
import Foundation
import ScriptedServer
import Synchronization
import Testing

@testable import DaybookKinesis

@Suite("The credentials of a machine", .timeLimit(.minutes(1)))
struct AWSMachineCredentialsTests {
    private static func answer(_ number: Int, expires: String = "2026-01-01T01:00:00Z") -> ScriptedServer.Response {
        .status(
            200,
            body: Array(
                #"{"AccessKeyId":"AKIA\#(number)","SecretAccessKey":"s","Token":"t","Expiration":"\#(expires)"}"#.utf8))
    }

    @Test("come from its metadata service, and are kept until shortly before they expire")
    func machine() async throws {
        let server = try await ScriptedServer { request in
            switch (request.method, request.uri) {
            case ("PUT", "/latest/api/token"):
                return .status(200, body: Array("session".utf8))
            case ("GET", "/latest/meta-data/iam/security-credentials/"): return .status(200, body: Array("role\n".utf8))
            case ("GET", "/latest/meta-data/iam/security-credentials/role"):
                return request.headers["x-aws-ec2-metadata-token"] == ["session"] ? Self.answer(1) : .status(401)
            default: return .status(404)
            }
        }
        let now = Mutex(Timestamp("2026-01-01T00:00:00Z")!)
        let credentials = AWSMachineCredentials(
            environment: [:], containerService: "", machineService: "http://127.0.0.1:\(server.port)",
            time: TimeSource { now.withLock { $0 } })
        let first = try await credentials.credentials()
        #expect(first == AWSCredentials(accessKeyID: "AKIA1", secretAccessKey: "s", sessionToken: "t"))
        now.withLock { $0 = Timestamp("2026-01-01T00:54:59Z")! }
        #expect(try await credentials.credentials() == first)
        #expect(server.requests.count == 3)
        now.withLock { $0 = Timestamp("2026-01-01T00:55:01Z")! }
        _ = try await credentials.credentials()
        #expect(server.requests.count == 6)
        await server.stop()
    }

    @Test("serve until they expire while the service does not answer, and no longer")
    func silentService() async throws {
        let isSilent = Mutex(false)
        let server = try await ScriptedServer { _ in isSilent.withLock { $0 } ? .status(500) : Self.answer(1) }
        let now = Mutex(Timestamp("2026-01-01T00:00:00Z")!)
        let credentials = AWSMachineCredentials(
            environment: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"],
            containerService: "http://127.0.0.1:\(server.port)", machineService: "",
            time: TimeSource { now.withLock { $0 } })
        let first = try await credentials.credentials()
        isSilent.withLock { $0 = true }
        now.withLock { $0 = Timestamp("2026-01-01T00:59:59Z")! }
        #expect(try await credentials.credentials() == first)
        now.withLock { $0 = Timestamp("2026-01-01T01:00:00Z")! }
        await #expect(throws: NoMachineCredentials()) { try await credentials.credentials() }
        await server.stop()
    }

    @Test("come from the service of its container")
    func container() async throws {
        let server = try await ScriptedServer { request in
            request.uri == "/v2/x" || request.headers["authorization"] == ["pod"] ? Self.answer(2) : .status(403)
        }
        let address = "http://127.0.0.1:\(server.port)"
        let relative = AWSMachineCredentials(
            environment: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"], containerService: address,
            machineService: "", time: .system)
        #expect(try await relative.credentials().accessKeyID == "AKIA2")
        let full = AWSMachineCredentials(
            environment: [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": address + "/full", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "pod",
            ],
            containerService: "", machineService: "", time: .system)
        #expect(try await full.credentials().accessKeyID == "AKIA2")
        let elsewhere = AWSMachineCredentials(
            environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/full"], containerService: "",
            machineService: "", time: .system)
        await #expect(throws: NoMachineCredentials()) { try await elsewhere.credentials() }
        let refused = AWSMachineCredentials(
            environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": address + "/full"], containerService: "",
            machineService: "", time: .system)
        await #expect(throws: NoMachineCredentials()) { try await refused.credentials() }
        await server.stop()
    }
}
