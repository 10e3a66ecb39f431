#if Server
import DaybookCore
import KurrentProtocol

/// `event_store.client.monitoring.Monitoring`: figures of the process and of the store, again and again.
struct MonitoringService: Sendable {
    let store: any EventStore
    private let started = TimeSource.system.now

    init(store: any EventStore) { self.store = store }

    static let name = "event_store.client.monitoring.Monitoring"

    /// Between two figures, in milliseconds, whatever a client asks for: a tenth of a second to a day.
    private static let periods: ClosedRange<UInt64> = 100...86_400_000

    var routes: RPCRoutes {
        [
            "/\(Self.name)/Stats": .unaryRequest { (request: EventStore_Client_Monitoring_StatsReq, responses, _) in
                try await CallAccess.whileAllowed {
                    try await send(every: request.refreshTimePeriodInMs, to: responses)
                }
            }
        ]
    }

    private func send(every milliseconds: UInt64, to responses: RPCResponses) async throws {
        let period = min(max(milliseconds, Self.periods.lowerBound), Self.periods.upperBound)
        var process = ProcessFigures(started: started)
        while true {
            let figures = process.next().merging(try await storeFigures()) { first, _ in first }
            try await responses.send(EventStore_Client_Monitoring_StatsResp.with { $0.stats = figures })
            try await Task.sleep(for: .milliseconds(Int64(period)))
        }
    }

    /// The end of the log under the key that KurrentDB has for it; what it has none for, under our own.
    private func storeFigures() async throws -> [String: String] {
        do {
            let head = try await store.head()
            var figures = ["es-checksum": "\(head)", "es-checksumNonFlushed": "\(head)"]
            guard let file = try await (store as? any HealthReporting)?.health().file else { return figures }
            figures["daybook-eventsNotIndexed"] = "\(file.eventsNotIndexed)"
            figures["daybook-walBytes"] = "\(file.walBytes)"
            figures["daybook-freeBytes"] = file.freeBytes.map { "\($0)" }
            return figures
        } catch {
            throw RPCStatus(KurrentFailure(error))
        }
    }
}
#endif
