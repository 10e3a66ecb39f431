#if Kinesis
import Daybook
import DaybookCore
import Foundation

/// Sends events to a stream of Amazon Kinesis.
///
/// ```swift
/// let stream = try KinesisStream("orders", region: "eu-central-1", credentials: AWSEnvironmentCredentials())
/// let publisher = EventPublisher("kinesis", of: store, published, in: store, to: KinesisTarget(stream))
/// ```
///
/// A record's partition key is the event's stream, so that the events of a stream are in one shard, in order; of a name longer
/// than 256 characters it is the SHA-256. Records are sent by PutRecords, many streams in one request, but never two of one
/// stream: Kinesis promises no order inside a request, and may take a part of it. The next one of a stream is sent when the
/// one before was taken.
///
/// A record that Kinesis has no room for is sent again, with longer and longer waits, without holding up other streams; after
/// some attempts the publisher is told, which waits longer. A request whose answer was lost is sent again too: so a record may
/// be there twice, and, when Kinesis takes the lost one late, even behind the next one of its stream. A reader that remembers
/// the events' identifiers, as an `Inbox` does, sees each once and in order.
///
/// An event that is too large for a record is refused, which parks its stream; whatever else is wrong (permissions, a stream
/// that is not there) has events sent again until it is mended.
public struct KinesisTarget: BatchPublisherTarget {
    private let policy: KinesisTargetPolicy
    private let client: KinesisClient
    private let clock: any Clock<Duration>

    /// - Parameters:
    ///   - stream: Where the events go.
    ///   - policy: How records are made, and how many are sent at once.
    ///   - time: What requests say that the time is; AWS takes none that is five minutes off.
    ///   - clock: What it sleeps by between attempts.
    public init(
        _ stream: KinesisStream, policy: KinesisTargetPolicy = KinesisTargetPolicy(), time: TimeSource = .system,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.policy = policy
        self.clock = clock
        client = KinesisClient(stream, time: time)
    }

    private enum Step: Sendable {
        case answered(KinesisSendPlan.Request, [KinesisSendPlan.Outcome])
        case waited([ConsumerKey])
    }

    public func send(_ messages: [PublisherMessage]) async {
        var plan = KinesisSendPlan(messages, policy: policy)
        await withTaskGroup(of: Step.self) { group in
            var underWay = 0
            repeat {
                while underWay < policy.requests, !Task.isCancelled, let request = plan.nextRequest() {
                    underWay += 1
                    group.addTask { .answered(request, await put(request)) }
                }
                switch await group.next() {
                case .answered(let request, let outcomes)?:
                    underWay -= 1
                    let again = plan.finish(request, outcomes)
                    for (attempts, keys) in Dictionary(grouping: again, by: \.attempts) {
                        let wait = policy.wait(after: attempts) * Double.random(in: 0.5...1)
                        group.addTask {
                            try? await clock.sleep(for: wait)
                            return .waited(keys.map(\.key))
                        }
                    }
                case .waited(let keys)?: plan.resume(keys)
                case nil: return
                }
            } while true
        }
    }

    private func put(_ request: KinesisSendPlan.Request) async -> [KinesisSendPlan.Outcome] {
        func all(_ outcome: KinesisSendPlan.Outcome) -> [KinesisSendPlan.Outcome] {
            Array(repeating: outcome, count: request.records.count)
        }
        do throws(KinesisError) {
            return try await client.putRecords(
                request.records.map { .init(data: Data($0.data), partitionKey: $0.partitionKey) }
            ).map { entry in
                guard let code = entry.errorCode else {
                    return entry.sequenceNumber == nil ? .later("Kinesis gave the record no number.") : .taken
                }
                return .later("Kinesis did not take the record: \(code).")
            }
        } catch {
            if Task.isCancelled { return all(.unknown) }
            if error.isTransient { return all(.later(error.description)) }
            return all(error.isInvalidRequest ? .invalid(error.description) : .failed(error.description))
        }
    }
}
#endif
