import CNATS
import Foundation
import SideBySide
import Synchronization

/// Pulling with the guarantee of a source: what is acknowledged was dealt with, and the server said that it noted it.
extension BareClient {
    private static let batch = 256

    /// A durable pull consumer for each lane, and a thread: it asks for a batch, takes it, acknowledges the last
    /// message for all of them, and waits until that is noted.
    ///
    /// - Parameter lanes: Of each its subjects, and how many messages are on them.
    func pull(_ lanes: [(filter: String, events: Int)], of stream: String) throws -> Double {
        try removeConsumers(of: stream)
        let arrivals = Arrivals(of: lanes.reduce(0) { $0 + $1.events })
        let failure = Mutex<(any Error)?>(nil)
        let group = DispatchGroup()
        for (number, lane) in lanes.enumerated() {
            let consumer = "bare-\(number)"
            let answer = try request(
                "$JS.API.CONSUMER.CREATE.\(stream).\(consumer)",
                "{\"stream_name\":\"\(stream)\",\"action\":\"create\",\"config\":{\"durable_name\":\"\(consumer)\","
                    + "\"deliver_policy\":\"all\",\"ack_policy\":\"all\",\"max_ack_pending\":\(2 * Self.batch),"
                    + "\"filter_subjects\":[\"\(lane.filter)\"]}}")
            guard !answer.contains("\"error\":") else { throw Failure(what: answer) }
            group.enter()
            Thread.detachNewThread { [self] in
                defer { group.leave() }
                do { try pull(lane.events, by: consumer, of: stream, arrivals) } catch {
                    failure.withLock { $0 = error }
                }
            }
        }
        group.wait()
        if let error = failure.withLock({ $0 }) { throw error }
        return try arrivals.rate()
    }

    /// Length and identifier of each message are looked at.
    private func pull(_ events: Int, by consumer: String, of stream: String, _ arrivals: Arrivals) throws {
        try withInbox { inbox, name in
            var left = events
            var bytes = 0
            while left > 0 {
                let count = min(left, Self.batch)
                try Self.check(
                    natsConnection_PublishRequestString(
                        connection, "$JS.API.CONSUMER.MSG.NEXT.\(stream).\(consumer)", name,
                        "{\"batch\":\(count),\"expires\":5000000000}"), "pull")
                for number in 1...count {
                    var message: OpaquePointer?
                    try Self.check(natsSubscription_NextMsg(&message, inbox, 10_000), "pull")
                    defer { natsMsg_Destroy(message) }
                    // The server's word that there are no more has no data.
                    guard natsMsg_GetDataLength(message) > 0, let place = natsMsg_GetReply(message) else {
                        throw Failure(what: "\(consumer): \(left - number + 1) of \(events) messages did not come")
                    }
                    bytes += Int(natsMsg_GetDataLength(message))
                    var id: UnsafePointer<CChar>?
                    natsMsgHeader_Get(message, "ce-id", &id)
                    if number == count {
                        var noted: OpaquePointer?
                        try Self.check(
                            natsConnection_RequestString(&noted, connection, place, "+ACK", 10_000), "acknowledgement")
                        natsMsg_Destroy(noted)
                    }
                }
                arrivals.add(count)
                left -= count
            }
        }
    }

    /// Those of earlier rounds, and of sources, would go on costing the servers something.
    private func removeConsumers(of stream: String) throws {
        struct Names: Decodable { var consumers: [String]? }
        let names = try request("$JS.API.CONSUMER.NAMES.\(stream)", "")
        for name in try JSONDecoder().decode(Names.self, from: Data(names.utf8)).consumers ?? [] {
            _ = try request("$JS.API.CONSUMER.DELETE.\(stream).\(name)", "")
        }
    }
}
