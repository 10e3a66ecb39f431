import AsyncHTTPClient
import DaybookCore
import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import DaybookServer

@Suite("A server that asks who calls", .timeLimit(.minutes(2))) struct SecureServerTests {
    @Test("knows of every method and every route what it asks for")
    func table() async throws {
        let store = InMemoryEventStore()
        let log = try await KurrentLog.open(store)
        let signals = StreamSignals(store: store)
        let subscriptions = try await PersistentSubscriptions.open(log: log, signals: signals, checkpoints: store)
        let users = UserDirectory(log: log, passwords: PasswordHasher(cost: .least), founding: FoundingToken())
        let operations = OperationsService(scavenges: nil, shutdown: StopSignal(), subscriptions: subscriptions)
        let managing = ["Create", "Update", "Delete", "Enable", "Disable", "ResetPassword"]
        let forAdmins = Set(managing.map { "/\(UsersService.name)/\($0)" })
        for routes in [
            StreamsService(log: log, signals: signals).routes, StreamsV2Service(log: log).routes,
            PersistentSubscriptionsService(subscriptions: subscriptions).routes, operations.routes,
            MonitoringService(store: store).routes, UsersService(users: users).routes,
            GossipService(advertised: .init(host: "", port: 0)).routes, ServerFeaturesService(paths: []).routes,
        ] {
            for path in routes.keys {
                #expect((AccessTable.action(ofMethod: path) == .administer) == forAdmins.contains(path), "\(path)")
            }
        }
        let api = HTTPAPI(log: log, configuration: ServerConfiguration(), users: users)
        for route in api.routes {
            #expect(AccessTable.action(ofRoute: route.path, route.method) != .administer, "\(route.path)")
        }
        #expect(AccessTable.action(ofMethod: "/new.Service/Method") == .administer)
        for (method, action) in [
            ("Append", AccessAction.call), ("ReadLog", .call), ("Receipt", .askLog), ("GetSnapshot", .derive),
            ("CommitDocuments", .derive), ("ImportEvents", .administer), ("ListCommands", .administer),
        ] {
            #expect(AccessTable.action(ofMethod: "/daybook.v1.Store/\(method)") == action, "\(method)")
        }
        for (method, action) in [
            ("PerformUpkeep", AccessAction.operate), ("UpkeepProgress", .operate), ("CreateGroup", .operate),
            ("RestartGroups", .operate), ("ListGroups", .call), ("AddUser", .found), ("ListUsers", .administer),
            ("SetPassword", .administer),
        ] {
            #expect(AccessTable.action(ofMethod: "/daybook.v1.Operations/\(method)") == action, "\(method)")
        }
        #expect(AccessTable.action(ofRoute: "/v2/new", .get) == .administer)
    }

    @Test("answers nothing to who does not say it, but how to find it")
    func anonymous() async throws {
        try await SecureStore.serving { secure async throws in
            try await secure.addUsers()
            for path in ["/health/live", "/health/ready", "/version", "/openapi.json"] {
                #expect(try await secure.get(path, as: nil).status == 200, "\(path)")
            }
            for path in [
                "/health", "/metrics", "/v1/streams", "/v1/streams/a", "/v1/streams/a/state", "/v1/receipts/a",
                "/v1/log",
                "/v1/log/follow",
            ] {
                let answer = try await secure.get(path, as: nil)
                #expect(answer.status == 401, "\(path)")
                #expect(answer.headers.first(name: "www-authenticate")?.contains("Basic") == true)
                #expect(try answer.json()["code"] as? String == "unauthenticated")
            }
            #expect(try await secure.served.append("{}", to: "a").status == 401)
            let wrong = secure.served.request(.GET, "/v1/log", headers: SecureStore.basic("ada", "wrong"))
            #expect(try await secure.served.send(wrong).status == 401)
        }
    }

    @Test("has its first user made with the token, which ends with that")
    func founder() async throws {
        try await SecureStore.serving { secure async throws in
            let token: HTTPHeaders = ["authorization": "Bearer \(secure.token)"]
            #expect(try await secure.createUser("eve", [], headers: ["authorization": "Bearer x"]).status == 401)
            let log = secure.served.request(.GET, "/v1/log", headers: token)
            let early = try await secure.served.send(log)
            #expect(early.status == 403 && early.text.contains("there are no users yet"), "\(early.text)")
            let unknown = try await secure.get("/v1/log", as: nil).text
            #expect(unknown.contains("the token that the server says when it starts makes the first one"), "\(unknown)")
            #expect(try await secure.createUser("ada", [], headers: token).status == 201)
            #expect(try await secure.createUser("eve", [], headers: token).status == 401)
            #expect(try await secure.createUser("bob", ["$readers"], headers: SecureStore.basic("ada")).status == 201)
            #expect(try await secure.createUser("bob", [], headers: SecureStore.basic("ada")).status == 409)
            #expect(try await secure.createUser("eve", ["$admins"], headers: SecureStore.basic("bob")).status == 403)
            #expect(try await secure.users.all().map(\.login) == ["ada", "bob"])
        }
    }

    @Test("gives each role its rights, and says in the events who appended them")
    func roles() async throws {
        try await SecureStore.serving { secure async throws in
            try await secure.addUsers("$readers", "$writers", "$ops")
            let answer = try await secure.append(to: "a-1", metadata: #"{"$actor":"eve"}"#, as: "writers")
            #expect(answer.status == 200)
            let refused = try await secure.append(to: "a-1", as: "readers")
            #expect(refused.status == 403)
            #expect(refused.text.contains("user 'readers' has no right to append to stream 'a-1'"), "\(refused.text)")
            #expect(try await secure.append(to: "a-1", as: "ops").status == 403)
            #expect(try await secure.get("/v1/streams/a-1", as: "readers").status == 200)
            #expect(try await secure.get("/v1/streams/a-1", as: "ops").status == 403)
            for name in ["$user-ada", "$users", "$metadata-$user-ada", "$$$user-ada"] {
                #expect(try await secure.append(to: name, as: "writers").status == 403, "\(name)")
                let path = "/v1/streams/\(name)"
                #expect(try await secure.get(path, as: "writers").status == 403, "\(name)")
            }
            let event = try #require(
                try await secure.store.readPage(of: "a-1", from: .start, direction: .forward, limit: 1).events.first)
            #expect(event.metadata.elementsEqual(#"{"$actor":"writers"}"#.utf8))
        }
    }

    @Test("shows of the whole log what each may read")
    func log() async throws {
        try await SecureStore.serving { secure async throws in
            try await secure.addUsers("$readers", "$writers", "clerks")
            _ = try await secure.append(to: "open-1", as: "writers")
            _ = try await secure.append(to: "secret-1", as: "writers")
            let list = #"{"$acl":{"$r":"clerks"}}"#
            #expect(
                try await secure.append(to: "$metadata-secret-1", type: "$metadata", data: list, as: "ada").status
                    == 200)
            #expect(try await secure.get("/v1/streams/secret-1", as: "readers").status == 403)
            #expect(try await secure.get("/v1/streams/secret-1", as: "clerks").status == 200)
            let log = try await secure.get("/v1/log", as: "readers").text
            #expect(log.contains("open-1"))
            #expect(!log.contains("secret-1"))
            #expect(!log.contains("argon2"))
            let streams = try await secure.get("/v1/streams", as: "readers").text
            #expect(streams.contains("open-1"))
            #expect(!streams.contains("secret-1"))
            #expect(!streams.contains("$user"))
            #expect(try await secure.get("/v1/log", as: "clerks").status == 403)
            #expect(try await secure.get("/v1/log", as: "ada").text.contains("secret-1"))
            // Who is kept out does not let himself in.
            let open = #"{"$acl":{"$r":"$all"}}"#
            #expect(
                try await secure.append(to: "$metadata-secret-1", type: "$metadata", data: open, as: "writers").status
                    == 403)
        }
    }

    @Test("names no stream on the way to the next page that is not shown, nor tells by one whether it is there")
    func namesOfStreams() async throws {
        try await SecureStore.serving { secure async throws in
            try await secure.addUsers("$readers", "$writers")
            let list = #"{"$acl":{"$r":"clerks"}}"#
            for name in ["open-1", "secret-1", "secret-2", "open-2"] {
                _ = try await secure.append(to: name, as: "writers")
                guard name.hasPrefix("secret") else { continue }
                _ = try await secure.append(to: "$metadata-\(name)", type: "$metadata", data: list, as: "ada")
            }
            var shown: [String] = []
            var next: String? = "/v1/streams?limit=1"
            while let path = next {
                #expect(!path.contains("secret") && !path.contains("%24user"))
                let page = try await secure.get(path, as: "readers").json()
                shown += try #require(page["streams"] as? [String])
                next = page["next"] as? String
            }
            #expect(shown == ["open-1", "open-2"])
            for name in ["secret-1", "secret-9", "%24user-ada", "%24user-eve"] {
                let answer = try await secure.get("/v1/streams?after=\(name)", as: "readers")
                #expect(answer.status == (name == "secret-9" ? 200 : 403), "\(name)")
            }
        }
    }

    @Test("tells by no filter whether there is what it does not show")
    func filters() async throws {
        try await SecureStore.serving { secure async throws in
            try await secure.addUsers("$readers", "$writers")
            for name in ["secret-1", "open-1", "secret-2", "open-2"] {
                _ = try await secure.append(to: name, as: "writers")
            }
            let list = #"{"$acl":{"$r":"clerks"}}"#
            for name in ["secret-1", "secret-2"] {
                _ = try await secure.append(to: "$metadata-\(name)", type: "$metadata", data: list, as: "ada")
            }
            for direction in ["forward", "backward"] {
                let path = "/v1/log?limit=1&direction=\(direction)&streamPrefix="
                let nothing = try await secure.get(path + "nothing", as: "readers").text
                for prefix in ["secret", "$user-ada", "$metadata-secret-1"] {
                    let answer = try await secure.get(path + prefix, as: "readers").text
                    #expect(answer == nothing, "\(prefix), \(direction)")
                }
            }
            var shown: [String] = []
            var next: String? = "/v1/log?limit=1&type=Placed"
            while let path = next {
                let page = try await secure.get(path, as: "readers").json()
                for event in try #require(page["events"] as? [[String: Any]]) {
                    shown.append(try #require(event["stream"] as? String))
                }
                next = page["next"] as? String
            }
            #expect(shown == ["open-1", "open-2"])
        }
    }

    @Test("lets nobody in any more who was removed by another who has the store open")
    func removedElsewhere() async throws {
        try await SecureStore.serving { secure async throws in
            try await secure.addUsers("$readers")
            #expect(try await secure.get("/v1/log", as: "readers").status == 200)
            try await secure.users.remove("readers")
            while try await secure.get("/v1/log", as: "readers").status == 200 {}
            let answer = try await secure.get("/v1/log", as: "readers")
            #expect([401, 429].contains(answer.status))
        }
    }

    @Test("ends what goes on when the right to it has ended")
    func revoked() async throws {
        try await SecureStore.serving { secure async throws in
            try await secure.addUsers("$readers")
            var request = secure.served.request(.GET, "/v1/log/follow?stream=a", headers: SecureStore.basic("readers"))
            request.headers.add(name: "accept", value: "text/event-stream")
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
            #expect(response.status == .ok)
            let start = ContinuousClock.now
            let list = #"{"$acl":{"$r":"clerks"}}"#
            _ = try await secure.append(to: "$metadata-a", type: "$metadata", data: list, as: "ada")
            // The connection is closed, with or without an error of the client's.
            _ = try? await response.body.collect(upTo: 1 << 20)
            #expect(start.duration(to: .now) < .seconds(5))
        }
    }
}
