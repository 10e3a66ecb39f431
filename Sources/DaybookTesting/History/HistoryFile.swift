import DaybookCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The operations of a ``History`` in a file, one JSON object a line: each beginning, each answer and each opening of the
/// store, in the order of their instants.
///
/// A line reaches the system by one unbuffered `write` before the recorder goes on, so that a process that is killed loses
/// none. (A power cut may: the file is not synced.) An operation whose answer is missing is one that was on its way.
public final class HistoryFile: Sendable {
    /// What of the file cannot be read or written.
    public struct Fault: Error, CustomStringConvertible {
        public let path: String
        public let reason: String

        public var description: String { "The history in \(path): \(reason)." }
    }

    let path: String
    private let descriptor: Int32

    /// Opens a file, or makes it, to add lines behind those it has.
    public init(appendingTo path: String) throws(Fault) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        guard descriptor >= 0 else { throw Fault(path: path, reason: "cannot be opened: \(Self.lastError)") }
        // Ends the line that a killed process may have left unfinished.
        write("\n")
    }

    deinit { close(descriptor) }

    func add(_ opening: History.Opening) {
        add(StoredLine(instant: opening.instant, opened: opening.head))
    }

    func add(begun operation: HistoryOperation) {
        add(
            StoredLine(
                instant: operation.started, client: operation.client, call: StoredHistoryCall(operation.call)))
    }

    func add(ended operation: HistoryOperation) {
        guard let instant = operation.ended else { return }
        add(StoredLine(instant: instant, begun: operation.started, answer: StoredHistoryAnswer(operation.answer)))
    }

    /// A history that cannot be recorded proves nothing, so that the process ends.
    private func add(_ line: StoredLine) {
        do {
            write(String(decoding: try JSONEncoder().encode(line), as: UTF8.self) + "\n")
        } catch {
            fatalError(
                "\(Fault(path: path, reason: "the line at instant \(line.instant) cannot be written: \(error)"))")
        }
    }

    private func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = systemWrite(descriptor, rest)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    fatalError("\(Fault(path: path, reason: "cannot be written: \(Self.lastError)"))")
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    private static var lastError: String { String(cString: strerror(errno)) }

    /// Reads the operations and openings of a file.
    ///
    /// - Throws: ``Fault`` for a line that is not one of a history. A line that a killed process left unfinished counts for
    ///   nothing: the process had not gone on.
    public static func contents(
        of path: String
    ) throws -> (operations: [HistoryOperation], openings: [History.Opening]) {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        var operations: [HistoryOperation] = []
        var openings: [History.Opening] = []
        var indices: [Int64: Int] = [:]
        let decoder = JSONDecoder()
        var unfinished: String?
        for text in data.split(separator: UInt8(ascii: "\n")) {
            let line = try? decoder.decode(StoredLine.self, from: Data(text))
            if let unfinished, line?.opened == nil {
                throw Fault(
                    path: path, reason: "a line before the last one of its process cannot be read: \(unfinished)")
            }
            guard let line else {
                unfinished = String(decoding: text.prefix(200), as: UTF8.self)
                continue
            }
            unfinished = nil
            if let head = line.opened {
                openings.append(History.Opening(instant: line.instant, head: head))
            } else if let client = line.client, let call = line.call?.call {
                indices[line.instant] = operations.count
                operations.append(
                    HistoryOperation(
                        client: client, started: line.instant, ended: nil, call: call, answer: .unanswered(call)))
            } else if let begun = line.begun, let answer = line.answer?.answer, let index = indices[begun] {
                operations[index].ended = line.instant
                operations[index].answer = answer
            } else {
                throw Fault(path: path, reason: "the line at instant \(line.instant) belongs to no operation")
            }
        }
        return (operations, openings)
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

/// One line: an opening, a beginning or an answer.
private struct StoredLine: Codable {
    var instant: Int64
    var opened: Position?
    var client: Int?
    var call: StoredHistoryCall?
    /// The instant at which the operation began that this is the answer to.
    var begun: Int64?
    var answer: StoredHistoryAnswer?
}
