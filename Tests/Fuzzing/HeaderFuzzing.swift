#if Server
import DaybookCore
import Foundation

@testable import DaybookServer

/// Text of paths, queries and headers, which is looked at before anybody is known. Whatever it is, it is read or refused.
enum HeaderFuzzing {
    static func run(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        time(text)
        percentEncoding(text)
        query(text)
        mediaTypes(text)
        places(text)
        names(text)
        status(text)
    }

    private static func time(_ text: String) {
        guard let time = RPCTimeout.parse(text) else { return }
        promise(time.nanoseconds >= 0, "'\(text)' is a time below 0.")
        promise(text.utf8.dropLast().allSatisfy { (0x30...0x39).contains($0) }, "'\(text)' was taken for a time.")
    }

    private static func percentEncoding(_ text: String) {
        for plusIsSpace in [false, true] {
            guard let decoded = PercentEncoding.decoded(text[...], plusIsSpace: plusIsSpace) else { continue }
            let encoded = PercentEncoding.encoded(decoded)
            promise(
                PercentEncoding.decoded(encoded[...], plusIsSpace: plusIsSpace) == decoded,
                "'\(decoded)' is '\(encoded)' when encoded, and reads otherwise.")
        }
    }

    private static func query(_ text: String) {
        guard var query = try? HTTPQuery(text) else { return }
        _ = try? query.integer("limit", in: 1...1_000)
        _ = try? query.boolean("control")
        _ = try? query.name("stream", as: StreamName.self)
        _ = try? query.names("type", as: EventType.self)
        _ = try? query.expectedVersion()
        _ = try? query.logFilter()
        _ = try? query.changeMetadata()
        _ = try? query.finish()
    }

    private static func mediaTypes(_ text: String) {
        _ = HTTPMediaType(text).isJSON
        let types = ["application/json", "application/x-ndjson", "text/event-stream"]
        for headers in [[text], [text, "*/*;q=0.1"]] {
            guard let best = HTTPAcceptance(headers).best(of: types) else { continue }
            promise(types.contains(best), "'\(best)' was not offered.")
        }
        _ = HTTPHosts.host(of: text)
    }

    private static func places(_ text: String) {
        for direction in [ReadDirection.forward, .backward] {
            guard let start = try? HTTPReadStart(text, direction) else { continue }
            _ = (start.streamCursor, start.logCursor)
        }
        if let position = FollowRoutes.position(text) {
            promise(position.rawValue >= 0, "'\(text)' is a position below 0.")
        }
        let half = text.prefix(text.count / 2)
        _ = StreamPattern(String(half)).matches(text.dropFirst(half.count))
    }

    private static func names(_ text: String) {
        func check<Name: BoundedName>(_ type: Name.Type) {
            guard let name = try? Name(text) else { return }
            promise(name.rawValue == text, "'\(text)' is the \(Name.kind) '\(name)'.")
        }
        check(StreamName.self)
        check(Category.self)
        check(EventType.self)
        check(Tag.self)
        check(CommandID.self)
        check(ContentType.self)
    }

    /// What is said back of it breaks no header block.
    private static func status(_ text: String) {
        let status = RPCStatus(.invalidArgument, text).adding("name", text)
        let isPlain = { (text: String) in text.utf8.allSatisfy { (0x20...0x7E).contains($0) } }
        promise(isPlain(status.encodedMessage), "The message of '\(text)' is not printable.")
        promise(status.trailers.allSatisfy { isPlain($0.value) }, "A trailer of '\(text)' is not printable.")
    }
}
#endif
