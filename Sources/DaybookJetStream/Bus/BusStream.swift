#if JetStream
#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A JetStream stream as the server describes it.
struct BusStream: Decodable, Sendable {
    struct Config: Codable, Sendable {
        var name: String?
        var subjects: [String]?
        var storage: String?
        var retention: String?
        var discard: String?
        var numReplicas: Int?
        var duplicateWindow: Int64?
        var allowAtomic: Bool?
        var allowDirect: Bool?
        var maxMsgSize: Int?
        var maxMsgs: Int64?
        var maxBytes: Int64?
        var maxAge: Int64?
        var noAck: Bool?
        var sealed: Bool?
        var persistMode: String?
        var metadata: [String: String]?
    }

    struct State: Decodable, Sendable {
        var firstSeq: Int64
        var lastSeq: Int64
    }

    var config: Config
    var state: State
    /// When it was made.
    var created: String?

    /// The version of the server that answered.
    var serverVersion: String { config.metadata?["_nats.ver"] ?? "before 2.11" }

    /// - Parameter settings: How a missing one is made; nil when none is to be.
    static func find(
        _ name: String, taking subjects: String?, orMake settings: JetStreamStreamSettings?,
        on connection: JetStreamConnection, timeout: Duration
    ) async throws(ConnectionFailure) -> BusStream? {
        do throws(ConnectionFailure) {
            return try await connection.api("STREAM.INFO.\(name)", timeout: timeout)
        } catch {
            guard case .refused(10059, _) = error else { throw error }
        }
        guard let settings, let subjects else { return nil }
        let config = Config(
            name: name, subjects: [subjects], storage: "file", retention: "limits", discard: "old",
            numReplicas: settings.replicas, duplicateWindow: settings.duplicateWindow.wholeNanoseconds,
            allowAtomic: true, allowDirect: true, maxBytes: settings.maxBytes ?? -1,
            maxAge: settings.maxAge?.wholeNanoseconds ?? 0)
        do throws(ConnectionFailure) {
            return try await connection.api("STREAM.CREATE.\(name)", config.json, timeout: timeout * 3)
        } catch {
            // Made by somebody else at the same moment, or by a first try whose answer was lost.
            guard case .refused(10058, _) = error else { throw error }
            return try await connection.api("STREAM.INFO.\(name)", timeout: timeout)
        }
    }

    /// Why events cannot be published there under these subjects; nil when they can.
    func unfitness(for subjects: JetStreamSubjects) -> String? {
        if !(config.subjects ?? []).contains(where: { Self.covers($0, subjects.all) }) {
            return "it does not take '\(subjects.all)'"
        }
        if config.noAck == true { return "it acknowledges nothing" }
        if config.persistMode == "async" { return "it acknowledges before it has stored" }
        if config.sealed == true { return "it is sealed" }
        return nil
    }

    /// Whether every subject that matches a pattern matches another one, too.
    static func covers(_ pattern: String, _ other: String) -> Bool {
        let pattern = pattern.split(separator: ".")
        let other = other.split(separator: ".")
        for (index, token) in pattern.enumerated() {
            guard index < other.count else { return false }
            if token == ">" { return true }
            guard token == "*" && other[index] != ">" || token == other[index] else { return false }
        }
        return pattern.count == other.count
    }
}

extension Encodable {
    /// As the servers read it: names in snake case.
    var json: String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        guard let data = try? encoder.encode(self) else {
            preconditionFailure("\(Self.self) cannot be written as JSON.")
        }
        return String(decoding: data, as: UTF8.self)
    }
}

extension Duration {
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
#endif
