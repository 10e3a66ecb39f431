#if Server
import DaybookCore
import NIOCore

/// Counts the appends of one protocol, as the store is asked for them.
final class AppendMeter: Sendable {
    let outcomes = OutcomeCounts()
    let events = MetricCount()
    /// Of data and metadata.
    let bytes = MetricCount()
    /// Those that the store has not answered.
    let inHand = MetricCount()
    let times = MetricHistogram()

    func append(_ request: AppendRequest, to store: any EventStore) async throws(AppendError) -> AppendResult {
        let start = NIODeadline.now()
        inHand.add()
        defer {
            inHand.subtract()
            times.record(since: start)
        }
        do throws(AppendError) {
            let result = try await store.append(request)
            outcomes.add(.ok)
            guard !result.isRepeat else { return result }
            events.add(result.eventCount)
            bytes.add(request.payloadBytes)
            return result
        } catch {
            outcomes.add(CallOutcome(error))
            throw error
        }
    }
}

extension MetricHistogram {
    /// Records how long something took that ends now.
    func record(since start: NIODeadline) { record(Int((NIODeadline.now() - start).nanoseconds)) }
}

extension AppendRequest {
    /// The bytes of the events that clients wrote.
    fileprivate var payloadBytes: Int {
        var bytes = 0
        for write in writes {
            guard case .append(let events) = write.action else { continue }
            for event in events { bytes += event.data.count + event.metadata.count }
        }
        return bytes
    }
}
#endif
