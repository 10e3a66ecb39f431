import DaybookCore
import KurrentProtocol
import Logging
import NIOCore
import NIOPosix
import SwiftProtobuf
import Testing

@testable import DaybookServer

@Suite("A call", .timeLimit(.minutes(1))) struct CallAccessTests {
    private let log: KurrentLog
    private let users: UserDirectory
    private let authenticator: Authenticator
    private let gate: AccessGate

    private static let ada = Credentials.basic(login: "ada", password: "correct horse")

    /// What ada is told who has no groups.
    private static func denial(_ action: AccessAction) -> AccessDenial {
        .denied(MissingRight(action, of: Principal(login: "ada", groups: [])))
    }

    init() async throws {
        log = try await KurrentLog.open(InMemoryEventStore())
        let founding = FoundingToken()
        let passwords = PasswordHasher(cost: .least)
        users = UserDirectory(log: log, passwords: passwords, founding: founding)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        authenticator = Authenticator(users: users, passwords: passwords, founding: founding)
        gate = AccessGate(
            control: AccessControl(
                log: log, users: users, authenticator: authenticator, rules: [],
                records: AccessRecords(logger: logger)))
    }

    private func add(_ groups: String...) async throws {
        try await users.create(UserDirectory.Draft(login: "ada", password: "correct horse", groups: groups))
    }

    /// Takes all groups from the user.
    private func revoke() async throws { try await users.update("ada", fullName: "", groups: [], password: nil) }

    private func enter(_ body: @Sendable () async throws -> Void) async throws {
        try await gate.enter(Self.ada, method: "test", address: "here", .call, body)
    }

    @Test("that has waited for its client may do what its user may then")
    func late() async throws {
        try await add("$writers")
        try await enter {
            try await CallAccess.require(.write, ofClient: "a")
            try await revoke()
            await #expect(throws: Self.denial(.stream(.write, StreamResource(client: "a")))) {
                try await CallAccess.require(.write, ofClient: "a")
            }
            try await users.delete("ada")
            await #expect(throws: AccessDenial.unauthenticated) { try await CallAccess.recheck() }
        }
    }

    @Test("is shown no more of the log when its user may not read it any more", arguments: ["$readers", "$admins"])
    func visible(_ group: String) async throws {
        try await add(group)
        _ = try await log.append([NewEvent(type: "Placed", data: Array("{}".utf8))], to: "a", expecting: .any)
        let events = try await log.store.readPage(of: "a", from: .start, direction: .forward, limit: 1).events
        try await enter {
            try await CallAccess.require(.stream(.read, .log))
            #expect(try await CallAccess.visible(events).count == 1)
            try await revoke()
            await #expect(throws: Self.denial(.stream(.read, .log))) { _ = try await CallAccess.visible(events) }
        }
    }

    @Test("that may not read what a command has written is not told which streams those are")
    func unnamed() async throws {
        try await add()
        try await enter {
            do throws(AccessDenial) {
                try await CallAccess.requireReading(unnamed: ["secret-1"])
                Issue.record("It may read the stream.")
            } catch {
                #expect(error == .denied(MissingRight(nil, of: Principal(login: "ada", groups: []))))
                #expect(error.details?.contains("secret") == false)
            }
        }
    }

    @Test(
        "that changes something is not told that nothing was done when it loses the right to it meanwhile",
        arguments: [true, false])
    func midway(_ changes: Bool) async throws {
        try await add("$ops")
        var limits = AccessLimits()
        limits.recheckTime = .milliseconds(1)
        let hurried = AccessGate(
            control: AccessControl(
                log: log, users: users, authenticator: authenticator, rules: [], records: gate.control.records,
                limits: limits))
        try await hurried.enter(Self.ada, method: "test", address: "here", .call) {
            try await CallAccess.require(.operate)
            do {
                try await CallAccess.whileAllowed(changes: changes) {
                    try await revoke()
                    while !Task.isCancelled { await Task.yield() }
                }
                Issue.record("It went on.")
            } catch let status as RPCStatus {
                #expect(changes && status.code == .aborted)
                #expect(status.message.contains("a part of it may be done"))
            } catch let denial as AccessDenial {
                #expect(!changes && denial == Self.denial(.operate))
            }
        }
    }

    @Test("whose events are long in coming appends nothing when the right to it has ended meanwhile")
    func append() async throws {
        try await add("$writers")
        let service = StreamsService(log: log, signals: StreamSignals(store: log.store))
        let options = try ByteBuffer(
            EventStore_Client_Streams_AppendReq.with {
                $0.options.streamIdentifier = .init("a")
                $0.options.any = .init()
            })
        let event = try ByteBuffer(
            EventStore_Client_Streams_AppendReq.with {
                $0.proposedMessage.id.string = EventID().description
                $0.proposedMessage.metadata = ["type": "Placed", "content-type": "application/json"]
            })
        let requests = RPCRequests()
        try requests.deliver(options)
        try await appends(requests, event) { _ = try await service.append(requests) }
    }

    @Test("of a session that goes on appends nothing when the right to it has ended meanwhile")
    func session() async throws {
        try await add("$writers")
        let route = StreamsV2Service(log: log).routes["/\(StreamsV2Service.name)/AppendSession"]
        guard case .finishing(.clientStreaming(let session))? = route else {
            Issue.record("The method is of another kind.")
            return
        }
        let request = try ByteBuffer(
            Kurrentdb_Protocol_V2_Streams_AppendRequest.with {
                $0.stream = "a"
                $0.records = [
                    .with {
                        $0.schema.name = "Placed"
                        $0.schema.format = .json
                    }
                ]
            })
        let requests = RPCRequests()
        try requests.deliver(request)
        let context = RPCContext(path: "", peer: RPCPeer(address: "here"))
        try await appends(requests, nil) { _ = try await session(requests, context) }
    }

    /// Runs an append that waits for its last message, takes the right from its user, and lets the message come.
    private func appends(
        _ requests: RPCRequests, _ last: ByteBuffer?, _ append: @escaping @Sendable () async throws -> Void
    ) async throws {
        // What is given to one event loop runs in that order: the append waits for its message when the right is taken.
        let loop = EventLoopExecutor(MultiThreadedEventLoopGroup.singleton.next())
        try await enter {
            try await CallAccess.require(.write, ofClient: "a")  // So that the append need not wait for the store.
            let appending = Task(executorPreference: loop) { try await append() }
            let revoking = Task(executorPreference: loop) { try await revoke() }
            try await revoking.value
            if let last { try requests.deliver(last) }
            requests.finish()
            await #expect(throws: (any Error).self) { try await appending.value }
        }
        #expect(try await log.state(of: "a").status == .missing)
    }
}
