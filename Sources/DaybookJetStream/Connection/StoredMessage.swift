#if JetStream
import DaybookCore

/// A message of a JetStream stream, as the server gave it back.
struct StoredMessage: Sendable {
    var sequence: Int64
    var subject: String
    /// When the leader took it, in whole microseconds.
    var time: Timestamp
    var body: [UInt8]
    /// `NATS/1.0` and a line for each header; read where a message was asked for from the leader.
    var headers: [UInt8] = []

    func header(_ name: String) -> String? {
        let text = String(decoding: headers, as: UTF8.self)
        for line in text.split(separator: "\r\n") {
            guard let colon = line.firstIndex(of: ":"), line[..<colon] == name else { continue }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return nil
    }
}
#endif
