import DaybookCore
import DaybookSQLite
import Foundation

/// Appends the requests on standard input, all at once, and answers each when it is durable.
struct RequestServer {
    private let store: SQLiteEventStore

    init(opening path: String, _ configuration: SQLiteEventStore.Configuration) async throws {
        store = try await SQLiteEventStore.open(path, configuration: configuration)
    }

    func run() async throws {
        await withDiscardingTaskGroup { group in
            var number = 0
            while let line = readLine() {
                number += 1
                group.addTask { [number] in
                    var answer = await answer(line)
                    answer["line"] = number
                    StoreUnderFaults.answer(answer)
                }
            }
        }
        await store.close()
    }

    private func answer(_ line: String) async -> [String: Any] {
        do {
            guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                return ["error": ["code": "malformedRequest", "message": line]]
            }
            if object["read"] != nil {
                let contents = try await LogContents(of: store)
                return ["head": contents.head, "records": contents.records]
            }
            return answer(for: try await store.append(try Self.request(object)))
        } catch let error as AppendError {
            return ["error": ["code": Self.code(error), "message": "\(error)"]]
        } catch {
            return ["error": ["code": "\(type(of: error))", "message": "\(error)"]]
        }
    }

    private func answer(for result: AppendResult) -> [String: Any] {
        [
            "position": result.position.rawValue, "count": result.eventCount, "repeat": result.isRepeat,
            "recordedAt": result.recordedAt.description,
            "streams": result.streams.map { end in
                ["stream": end.stream.rawValue, "version": end.version.map { $0.rawValue as Any } ?? NSNull()]
            },
        ]
    }

    private static func code(_ error: AppendError) -> String {
        if case .storageFailed = error { "storageFailed" } else { "refused" }
    }

    private static func request(_ object: [String: Any]) throws -> AppendRequest {
        var request = AppendRequest(commandID: try (object["commandID"] as? String).map { try CommandID($0) })
        for write in object["writes"] as? [[String: Any]] ?? [] {
            let events = try (write["events"] as? [[String: Any]] ?? []).map { try event($0) }
            let stream = try StreamName(write["stream"] as? String ?? "")
            request.append(events, to: stream, expecting: expected(write["expected"]))
        }
        return request
    }

    private static func expected(_ value: Any?) -> ExpectedVersion {
        switch value {
        case let text as String where text == "noStream": .noStream
        case let number as NSNumber: .version(StreamVersion(number.int64Value))
        default: .any
        }
    }

    private static func event(_ object: [String: Any]) throws -> NewEvent {
        let data = try JSONSerialization.data(withJSONObject: object["data"] ?? [:] as [String: Any])
        return NewEvent(
            id: EventID(object["id"] as? String ?? "") ?? EventID(),
            type: try EventType(object["type"] as? String ?? ""),
            data: Array(data), tags: try (object["tags"] as? [String] ?? []).map { try Tag($0) })
    }
}
