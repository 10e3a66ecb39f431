import Daybook
import DaybookKafka
import Foundation

/// Sends numbered events of some streams to a topic, or takes them from it, until it is killed, and notes down in a file what was
/// acknowledged or taken, a line each, synchronously.
///
///     KafkaUntilKilled send SERVERS TOPIC idempotent|TRANSACTIONAL-ID FILE STREAMS EVENTS
///     KafkaUntilKilled take SERVERS TOPIC GROUP FILE
///
/// It goes on where the file ends, and ends when all are acknowledged.
@main
struct KafkaUntilKilled {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let ledger = try Ledger(arguments[5])
        switch arguments[1] {
        case "send":
            try await send(
                to: KafkaTarget(
                    .init(
                        servers: arguments[2], topic: arguments[3],
                        delivery: arguments[4] == "idempotent" ? .idempotent : .transactional(arguments[4]))),
                ledger, streams: Int(arguments[6])!, events: Int(arguments[7])!)
        default:
            let source = try KafkaSource(
                .init(
                    servers: arguments[2], group: arguments[4], topics: [arguments[3]], batch: 20,
                    settings: ["session.timeout.ms": "6000"],
                    report: { error in FileHandle.standardError.write(Data("\(error)\n".utf8)) }))
            try await source.run { batch in
                for message in batch.messages {
                    if case .success(let event) = message.content { ledger.note(event.orderingKey + " " + event.id) }
                }
            }
        }
    }

    static func send(to target: KafkaTarget, _ ledger: Ledger, streams: Int, events: Int) async throws {
        // How many of each stream were acknowledged before.
        var next: [String: Int] = [:]
        for line in ledger.before { next[String(line.prefix { $0 != " " }), default: 0] += 1 }
        while true {
            var messages: [PublisherMessage] = []
            for stream in (0..<streams).map({ "stream-\($0)" }) {
                let first = next[stream] ?? 0
                for number in first..<min(first + 20, events) where first < events {
                    let event = CloudEvent(
                        id: "\(stream)-\(number)", source: "/test", type: "counted", subject: stream,
                        data: Array("\(number)".utf8), extensions: ["partitionkey": stream])
                    messages.append(
                        PublisherMessage([event], key: stream) { answer in
                            if answer == .acknowledged { ledger.note("\(stream) \(stream)-\(number)") }
                        })
                }
            }
            if messages.isEmpty { break }
            await target.send(messages)
            next = [:]
            for line in ledger.all { next[String(line.prefix { $0 != " " }), default: 0] += 1 }
        }
        await target.close()
    }
}

/// Lines in a file, written as one each, so that a kill leaves whole ones.
final class Ledger: @unchecked Sendable {
    let before: [Substring]
    private let file: FileHandle
    private let lock = NSLock()
    private var lines: [Substring]

    init(_ path: String) throws {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        file = FileHandle(forUpdatingAtPath: path)!
        let text = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        before = text.split(separator: "\n")
        lines = before
    }

    var all: [Substring] { lock.withLock { lines } }

    func note(_ line: String) {
        lock.withLock {
            lines.append(Substring(line))
            file.write(Data((line + "\n").utf8))
        }
    }
}
