#if JetStream
import Dispatch

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

/// Asks a server's monitoring address what the JetStream API does not tell.
enum ServerMonitor {
    struct Answer: Decodable, Sendable {
        struct JetStream: Decodable, Sendable {
            struct Config: Decodable, Sendable { var syncAlways: Bool? }
            var config: Config?
        }
        var serverName: String?
        var version: String
        var jetstream: JetStream?
    }

    /// `GET /varz`; nil when the server does not answer. Blocks a thread of its own, not the cooperative pool.
    static func ask(_ url: String) async -> Answer? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: get(url)) }
        }
    }

    private static func get(_ url: String) -> Answer? {
        var rest = Substring(url)
        guard rest.hasPrefix("http://") else { return nil }
        rest = rest.dropFirst("http://".count)
        let address = rest.prefix { $0 != "/" }
        let parts = address.split(separator: ":")
        guard let host = parts.first else { return nil }
        let port = parts.count > 1 ? String(parts[1]) : "8222"
        var hints = addrinfo()
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(String(host), port, &hints, &found) == 0, let first = found else { return nil }
        defer { freeaddrinfo(found) }
        let descriptor = socket(first.pointee.ai_family, first.pointee.ai_socktype, first.pointee.ai_protocol)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 3, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        guard connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else { return nil }
        let request = Array("GET /varz HTTP/1.0\r\nHost: \(address)\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, 0) == request.count else { return nil }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while answer.count < 8 << 20 {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        guard let end = answer.firstIndex(of: UInt8(ascii: "{")) else { return nil }
        return try? JSONDecoder.nats.decode(Answer.self, from: Data(answer[end...]))
    }
}
#endif
