import BusTesting
import Daybook
import DaybookCore
import Foundation
import Synchronization
import Testing

@testable import DaybookJetStream

/// A JetStream stream of a test's own, to publish to and to receive from.
struct Bus: Sendable {
    static let streams = (0..<12).map { "account-\($0)" }

    let urls: String
    let replicas: Int
    let stream: String
    let subjects: JetStreamSubjects
    let troubles = Troubles()

    init(on urls: String? = TestCluster.urls, replicas: Int = TestCluster.replicas, partitions: Int = 4) throws {
        self.urls = try #require(urls)
        self.replicas = replicas
        let name = TestCluster.newName()
        stream = name.uppercased()
        subjects = try JetStreamSubjects(prefix: "bus.\(name)", partitions: partitions)
    }

    /// - Parameter urls: Another way to the same servers.
    func target(
        by urls: String? = nil, form: JetStreamForm = .binary,
        _ change: (inout JetStreamTarget.Configuration) -> Void = { _ in }
    ) throws -> JetStreamTarget {
        var configuration = JetStreamTarget.Configuration(
            servers: .init(urls ?? self.urls), stream: stream, subjects: subjects, form: form,
            creation: .init(replicas: replicas), report: troubles.note)
        change(&configuration)
        return try JetStreamTarget(configuration)
    }

    func source(
        by urls: String? = nil, group: String = "ledger",
        _ change: (inout JetStreamSource.Configuration) -> Void = { _ in }
    ) throws -> JetStreamSource {
        var configuration = JetStreamSource.Configuration(
            servers: .init(urls ?? self.urls), stream: stream, group: group, subjects: subjects, takeOver: .seconds(1),
            retries: .milliseconds(10)...(.milliseconds(100)), report: troubles.note)
        change(&configuration)
        return try JetStreamSource(configuration)
    }

    /// Sends events `account-0-0`, `account-1-0` and so on; all are acknowledged.
    func send(_ range: Range<Int>, form: JetStreamForm = .binary) async throws {
        let target = try target(form: form)
        let sending = Sending()
        await target.send(sending.messages(range, streams: Self.streams))
        await target.close()
        #expect(sending.acknowledged.count == range.count * Self.streams.count)
    }

    /// Asks the JetStream API on a connection of its own.
    func withConnection<Value>(_ body: (JetStreamConnection) async throws -> Value) async throws -> Value {
        let connection = try await JetStreamServers(urls).connect(name: "test")
        let value: Value
        do { value = try await body(connection) } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        return value
    }

    /// What stands in the stream, in order.
    func contents() async throws -> [StoredMessage] {
        try await withConnection { connection in
            var messages: [StoredMessage] = []
            while let next = try await connection.nextMessage(
                from: (messages.last?.sequence ?? 0) + 1, on: subjects.all, in: stream, timeout: .seconds(10))
            {
                messages.append(next)
            }
            return messages
        }
    }

    /// The identifiers of the events in the stream, of each subject in order.
    func ids() async throws -> [String: [String]] {
        var ids: [String: [String]] = [:]
        for message in try await contents() {
            ids[message.subject, default: []].append(message.header("ce-id") ?? "")
        }
        return ids
    }

    /// Each of the streams has its events `0..<count` in order, and once.
    func expectAll(_ count: Int, streams: [String] = Bus.streams) async throws {
        let ids = try await ids()
        for stream in streams {
            #expect(ids[subjects.subject(of: stream)] == (0..<count).map { "\(stream)-\($0)" }, "\(stream)")
        }
    }

    struct Done: Decodable, Sendable { var success: Bool? }

    @discardableResult
    func api(_ subject: String, _ json: String = "") async throws -> Done {
        try await withConnection { try await $0.api(subject, json, timeout: .seconds(10)) }
    }

    /// Makes the stream, which targets do otherwise.
    func make() async throws {
        try await api(
            "STREAM.CREATE.\(stream)",
            "{\"name\":\"\(stream)\",\"subjects\":[\"\(subjects.all)\"],\"storage\":\"file\",\"num_replicas\":\(replicas),"
                + "\"allow_atomic\":true,\"allow_direct\":true}")
    }

    /// Keeps so many messages, and removes the oldest ones: unlike a purge, the consumers are not told.
    func limit(to count: Int) async throws {
        try await api(
            "STREAM.UPDATE.\(stream)",
            "{\"name\":\"\(stream)\",\"subjects\":[\"\(subjects.all)\"],\"storage\":\"file\",\"num_replicas\":\(replicas),"
                + "\"allow_atomic\":true,\"allow_direct\":true,\"max_msgs\":\(count)}")
    }

    /// Removes a consumer, and asks again: in a cluster nobody may answer for one that has only just been made.
    func removeConsumer(_ name: String) async throws {
        let isGone = try await eventually {
            do {
                let _: Done = try await withConnection {
                    try await $0.api("CONSUMER.DELETE.\(stream).\(name)", timeout: .seconds(1))
                }
                return true
            } catch ConnectionFailure.refused(code: 10014, _) {
                return true  // There is none of this name any more.
            } catch {
                return false
            }
        }
        #expect(isGone, "consumer \(name) is still there")
    }

    func remove() async { _ = try? await api("STREAM.DELETE.\(stream)") }

    /// Gives a body a stream, and removes it.
    static func with(partitions: Int = 4, _ body: (Bus) async throws -> Void) async throws {
        let bus = try Bus(partitions: partitions)
        do { try await body(bus) } catch {
            await bus.remove()
            throw error
        }
        await bus.remove()
    }
}

/// What targets and sources report.
final class Troubles: Sendable {
    private let noted = Mutex<[JetStreamBusError]>([])

    @Sendable func note(_ error: JetStreamBusError) { noted.withLock { $0.append(error) } }

    var all: [JetStreamBusError] { noted.withLock { $0 } }
}

struct RawFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A place that has something once.
final class Box<Value: Sendable>: Sendable {
    private let held: Mutex<Value>
    init(_ value: Value) { held = Mutex(value) }
    var value: Value { held.withLock { $0 } }
    func change(_ body: @Sendable (inout Value) -> Void) { held.withLock { body(&$0) } }
}
