import DaybookCore
import Foundation
import Testing

@testable import DaybookServer

@Suite(.timeLimit(.minutes(1))) struct HTTPNodeTests {
    @Test func theServerTellsHowItIs() async throws {
        try await ServedStore.serving { served async throws in
            #expect(try await served.get("/health/live").status == 200)
            #expect(try await served.get("/health/ready").json()["status"] as? String == "ready")
            let health = try await served.get("/health").json()
            #expect(health["healthy"] as? Bool == true)
            #expect(try await served.get("/version").json()["server"] as? String == "daybook")
        }
    }

    @Test func metricsHaveTheNamesOfTheCommand() async throws {
        let store = InMemoryEventStore()
        try await store.append([NewEvent(type: "T", data: [])], to: "a")
        try await ServedStore.serving(store) { served async throws in
            let answer = try await served.get("/metrics")
            #expect(answer.headers.first(name: "content-type")?.hasPrefix("text/plain") == true)
            #expect(answer.text.contains("daybook_head_position{store=\"store\"} 1\n"))
        }
    }

    @Test func headHasTheHeadersOfGet() async throws {
        try await ServedStore.serving { served async throws in
            let answer = try await served.send(served.request(.HEAD, "/version"))
            #expect(answer.status == 200)
            #expect(answer.body.isEmpty)
        }
    }

    @Test func theDocumentTellsOfTheRoutesAndOfNothingElse() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        let users = UserDirectory(log: log, passwords: PasswordHasher(cost: .least), founding: FoundingToken())
        let api = HTTPAPI(log: log, configuration: ServerConfiguration(), users: users)
        let object = try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.text.utf8))
        let document = try #require(object as? [String: Any])
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        var told: Set<String> = []
        for (path, item) in paths {
            for method in item.keys where method != "parameters" { told.insert("\(method.uppercased()) \(path)") }
        }
        #expect(told == Set(api.routes.map { "\($0.method.rawValue) \($0.path)" }))
        try checkReferences(in: document, of: document)
    }

    /// Every `$ref` leads to something.
    private func checkReferences(in value: Any, of document: [String: Any]) throws {
        if let object = value as? [String: Any] {
            if let reference = object["$ref"] as? String {
                var target: Any? = document
                for part in reference.dropFirst(2).split(separator: "/") {
                    target = (target as? [String: Any])?[String(part)]
                }
                #expect(target != nil, "\(reference) leads to nothing.")
            }
            for member in object.values { try checkReferences(in: member, of: document) }
        } else if let array = value as? [Any] {
            for element in array { try checkReferences(in: element, of: document) }
        }
    }
}
