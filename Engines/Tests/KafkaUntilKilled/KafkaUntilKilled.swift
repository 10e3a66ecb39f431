import BusTesting
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
            let target = try KafkaTarget(
                .init(
                    servers: arguments[2], topic: arguments[3],
                    delivery: arguments[4] == "idempotent" ? .idempotent : .transactional(arguments[4])))
            await ledger.send(to: target, streams: Int(arguments[6])!, events: Int(arguments[7])!)
            await target.close()
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
}
