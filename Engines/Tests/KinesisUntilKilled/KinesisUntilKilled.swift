import BusTesting
import Daybook
import DaybookKinesis
import DaybookSQLite

/// Takes events from a Kinesis stream until it is killed, keeps its checkpoints in a file, and notes down in another what was taken,
/// a line each, synchronously.
///
///     KinesisUntilKilled ENDPOINT STREAM CHECKPOINTS FILE
@main
struct KinesisUntilKilled {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let stream = try KinesisStream(
            arguments[2], region: "eu-central-1", credentials: AWSEnvironmentCredentials(), endpoint: arguments[1],
            allowsPlainHTTP: true)
        let checkpoints = try await SQLiteEventStore.open(arguments[3])
        let ledger = try Ledger(arguments[4])
        let source = KinesisSource(
            stream, checkpoints: "killed", in: checkpoints,
            policy: KinesisSourcePolicy(
                recordsPerBatch: 20, pollInterval: .milliseconds(50), shardInterval: .milliseconds(500)))
        try await source.run { batch in
            for message in batch.messages {
                if case .success(let event) = message.content { ledger.note("\(event.subject ?? "") \(event.id)") }
            }
        }
    }
}
