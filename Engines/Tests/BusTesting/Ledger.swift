import Daybook
import Foundation

/// Lines in a file, written as one each, so that a kill leaves whole ones.
public final class Ledger: @unchecked Sendable {
    public let before: [Substring]
    private let file: FileHandle
    private let lock = NSLock()
    private var lines: [Substring]

    public init(_ path: String) throws {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        file = FileHandle(forUpdatingAtPath: path)!
        let text = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        before = text.split(separator: "\n")
        lines = before
    }

    public var all: [Substring] { lock.withLock { lines } }

    public func note(_ line: String) {
        lock.withLock {
            lines.append(Substring(line))
            file.write(Data((line + "\n").utf8))
        }
    }

    /// Sends numbered events of some streams, beginning where the file ends, until all are acknowledged.
    public func send(to target: some BatchPublisherTarget, streams: Int, events: Int) async {
        // How many of each stream were acknowledged before.
        var next: [String: Int] = [:]
        for line in before { next[String(line.prefix { $0 != " " }), default: 0] += 1 }
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
                            if answer == .acknowledged { self.note("\(stream) \(stream)-\(number)") }
                        })
                }
            }
            if messages.isEmpty { break }
            await target.send(messages)
            next = [:]
            for line in all { next[String(line.prefix { $0 != " " }), default: 0] += 1 }
        }
    }
}
