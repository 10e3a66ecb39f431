#if Server
import Daybook
import DaybookCore
import HTTPTypes

@testable import DaybookServer

/// Bodies of requests by HTTP: appends in JSON, and events of CloudEvents in each of their forms. Any are taken or refused with
/// what is wrong.
///
/// Lines of headers stand in front of the body, and an empty one between them.
enum RequestFuzzing {
    static func run(_ bytes: [UInt8]) {
        let (headers, body) = split(bytes)
        append(body)
        guard let events = try? CloudEvent.events(of: headers, body: body) else { return }
        _ = events.map(\.newEvent)
        let stream = StreamName(unchecked: "s")
        promise(
            CloudEvent.commandID(of: events, to: stream) == CloudEvent.commandID(of: events, to: stream),
            "A delivery has two names.")
    }

    private static func append(_ body: [UInt8]) {
        guard let json = try? JSONText(body: body), let request = try? AppendRequest(json: json) else { return }
        _ = request.writes.count
    }

    private static func split(_ bytes: [UInt8]) -> (headers: HTTPFields, body: [UInt8]) {
        var headers = HTTPFields()
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[(end + 1)...]
            guard !line.isEmpty, let colon = line.firstIndex(of: ":") else { break }
            guard let name = HTTPField.Name(String(line[..<colon])) else { continue }
            headers.append(HTTPField(name: name, value: String(line[line.index(after: colon)...])))
        }
        return (headers, Array(rest))
    }
}
#endif
