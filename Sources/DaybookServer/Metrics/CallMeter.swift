#if Server
import DaybookCore

/// Counts the calls of one method, or of one route.
final class CallMeter: Sendable {
    let served: ServedProtocol
    /// `package.Service/Method`, or `GET /v1/log`.
    let method: String
    let outcomes = OutcomeCounts()
    /// Those that are not answered. Of a route, until the answer begins.
    let inHand = MetricCount()

    init(_ served: ServedProtocol, method: String) {
        self.served = served
        self.method = method
    }

    /// - Parameter outcome: Tells that of an answer.
    func measure<T: Sendable>(
        _ body: () async throws -> T, outcome: (T) -> CallOutcome = { _ in .ok }
    ) async throws -> T {
        inHand.add()
        defer { inHand.subtract() }
        do {
            let answer = try await body()
            outcomes.add(outcome(answer))
            return answer
        } catch {
            outcomes.add(CallOutcome(error))
            throw error
        }
    }
}
#endif
