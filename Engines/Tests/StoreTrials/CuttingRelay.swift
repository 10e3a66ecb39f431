import Foundation

/// Stands between a client and a server, and cuts connections, or loses what the server says, or one message of it, or says
/// something else.
public final class CuttingRelay: @unchecked Sendable {
    struct Failure: Error { var step: String }

    public let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let lock = NSLock()
    private var open: [Int32] = []
    private var losesAnswers = false
    /// What a client has to say before answers are lost, or, when there are bytes, before these are its answer.
    private var awaited: (words: [UInt8], answer: [UInt8]?)?
    /// What comes next on a connection to the server, whatever the server says.
    private var answers: [Int32: [UInt8]] = [:]
    private var isClosed = false
    private var refused = 0
    private let lost: (text: String, number: Int)?
    /// How many messages with that text have come.
    private var met = 0

    /// - Parameters:
    ///   - url: Of the server, as `nats://127.0.0.1:4222` or `postgresql://user@127.0.0.1:5432/database`.
    ///   - lost: Which message of a NATS server with headers does not arrive: of those that have a text, from 1.
    public init(to url: String, losing lost: (text: String, number: Int)? = nil) throws {
        self.lost = lost
        guard let last = url.split(separator: ":").last, let target = UInt16(last.prefix(while: \.isNumber)) else {
            throw Failure(step: url)
        }
        self.target = target
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        listener = descriptor
        var address = Self.address(0)
        let bound = Self.with(&address) { bind(descriptor, $0, $1) }
        guard descriptor >= 0, bound == 0, listen(descriptor, 16) == 0 else { throw Failure(step: "listen") }
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let named = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard named == 0 else { throw Failure(step: "getsockname") }
        Thread.detachNewThread { [self] in accept() }
    }

    /// How many connections it closed because there was no server.
    public var refusals: Int { lock.withLock { refused } }

    /// Where clients of NATS find it.
    public var url: String { "nats://127.0.0.1:\(port)" }

    /// Ends every connection; new ones are let through.
    public func cut() {
        lock.withLock {
            for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
            losesAnswers = false
            awaited = nil
        }
    }

    /// What clients say still arrives; what the server says does not, until connections are cut.
    ///
    /// - Parameter words: Answers are lost from the moment on at which a client says this; nil for now.
    public func loseAnswers(to words: String? = nil) {
        lock.withLock {
            awaited = words.map { (words: Array($0.utf8), answer: nil) }
            losesAnswers = words == nil
        }
    }

    /// The next time that a client says some words, the server hears them, and these bytes are its answer, with which
    /// the connection ends.
    public func answer(_ words: String, with bytes: [UInt8]) {
        lock.withLock { awaited = (words: Array(words.utf8), answer: bytes) }
    }

    public func close() {
        lock.withLock { isClosed = true }
        cut()
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func with(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0, !lock.withLock({ isClosed }) else { break }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = Self.address(target)
            guard Self.with(&address, { connect(server, $0, $1) }) == 0 else {
                Glibc.close(client)
                Glibc.close(server)
                lock.withLock { refused += 1 }
                continue
            }
            lock.withLock { open += [client, server] }
            let left = Countdown(2) { [self] in
                lock.withLock {
                    open.removeAll { $0 == client || $0 == server }
                    answers[server] = nil
                }
                Glibc.close(client)
                Glibc.close(server)
            }
            Thread.detachNewThread { [self] in
                pump(client, server, isAnswer: false)
                left.down()
            }
            Thread.detachNewThread { [self] in
                pump(server, client, isAnswer: true)
                left.down()
            }
        }
        Glibc.close(listener)
    }

    private func pump(_ from: Int32, _ to: Int32, isAnswer: Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var parts = ProtocolParts()
        while true {
            var count = recv(from, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            if !isAnswer { hear(buffer[..<count], on: to) }
            var isLast = false
            if isAnswer, let answer = lock.withLock({ answers.removeValue(forKey: from) }) {
                (buffer, count, isLast) = (answer, answer.count, true)
            }
            if isAnswer, lock.withLock({ losesAnswers }) { continue }
            var bytes = Array(buffer[..<count])
            if isAnswer, lost != nil { bytes = parts.take(bytes).filter { !isLost($0) }.flatMap { $0 } }
            var sent = 0
            while sent < bytes.count {
                let some = bytes[sent...].withUnsafeBytes {
                    send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard some > 0 else { break }
                sent += some
            }
            if sent < bytes.count || isLast { break }
        }
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
    }

    private func hear(_ said: ArraySlice<UInt8>, on server: Int32) {
        lock.withLock {
            guard let (words, answer) = awaited, said.contains(words) else { return }
            awaited = nil
            if let answer { answers[server] = answer } else { losesAnswers = true }
        }
    }

    private func isLost(_ part: [UInt8]) -> Bool {
        guard let lost, part.starts(with: "HMSG".utf8), String(decoding: part, as: UTF8.self).contains(lost.text) else {
            return false
        }
        return lock.withLock {
            met += 1
            return met == lost.number
        }
    }

    /// What a server says, taken apart: lines, and messages with what stands behind their line.
    private struct ProtocolParts {
        private var bytes: [UInt8] = []

        /// What is whole by now.
        mutating func take(_ some: [UInt8]) -> [[UInt8]] {
            bytes += some
            var parts: [[UInt8]] = []
            var start = 0
            while let end = endOfPart(from: start) {
                parts.append(Array(bytes[start..<end]))
                start = end
            }
            bytes.removeFirst(start)
            return parts
        }

        /// Behind `MSG subject id reply bytes` and `HMSG subject id reply header-bytes bytes`, perhaps without a reply,
        /// stand so many bytes and the end of a line.
        private func endOfPart(from start: Int) -> Int? {
            guard let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            let words = String(decoding: bytes[start..<newline], as: UTF8.self).split { $0 == " " || $0 == "\r" }
            var end = newline + 1
            if let first = words.first, first == "MSG" || first == "HMSG", let count = words.last.flatMap({ Int($0) }) {
                end += count + 2
            }
            return end <= bytes.count ? end : nil
        }
    }

    private final class Countdown: @unchecked Sendable {
        private let lock = NSLock()
        private var left: Int
        private let end: () -> Void

        init(_ count: Int, end: @escaping () -> Void) {
            left = count
            self.end = end
        }

        func down() {
            let isOver = lock.withLock {
                left -= 1
                return left == 0
            }
            if isOver { end() }
        }
    }
}
