import BusTesting
import Daybook
import DaybookJetStream
import Foundation

/// Sends numbered events of some streams to a JetStream stream, or takes them from it, until it is killed, and notes down in a
/// file what was acknowledged or taken, a line each, synchronously.
///
///     JetStreamUntilKilled send URLS STREAM PREFIX FILE STREAMS EVENTS
///     JetStreamUntilKilled take URLS STREAM PREFIX FILE
///
/// It goes on where the file ends, and ends when all are acknowledged.
@main
struct JetStreamUntilKilled {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let servers = JetStreamServers(arguments[2])
        let subjects = try JetStreamSubjects(prefix: arguments[4], partitions: 3)
        let ledger = try Ledger(arguments[5])
        switch arguments[1] {
        case "send":
            let target = try JetStreamTarget(
                .init(
                    servers: servers, stream: arguments[3], subjects: subjects, creation: .init(replicas: 1), batch: 30)
            )
            await ledger.send(to: target, streams: Int(arguments[6])!, events: Int(arguments[7])!)
            await target.close()
        default:
            let source = try JetStreamSource(
                .init(
                    servers: servers, stream: arguments[3], group: "killed", subjects: subjects, batch: 20,
                    takeOver: .seconds(1),
                    report: { error in FileHandle.standardError.write(Data("\(error)\n".utf8)) }))
            try await source.run { batch in
                for message in batch.messages {
                    if case .success(let event) = message.content { ledger.note(event.orderingKey + " " + event.id) }
                }
            }
        }
    }
}
