import Daybook
import DaybookCore

extension MarketReadModels {
    /// The documents of one read model, whatever they are.
    private struct Documents {
        var name: ReadModelName
        var parked: () async throws -> [ParkedKey]
        var resume: (String) async throws -> Void

        init<P: Projection>(_ projection: P, of log: any EventStore, in models: any ReadModelStore) {
            name = projection.name
            parked = { try await ReadModel(projection, of: log, in: models).parkedKeys() }
            resume = { key in
                try await ProjectionRunner(projection, of: log, in: models, batchSize: 2_000).resume(key)
            }
        }
    }

    private var documents: [Documents] {
        [
            Documents(Quotes(), of: log, in: models), Documents(TradeTape(), of: log, in: models),
            Documents(CashBalances(), of: log, in: models), Documents(HoldingsBalances(.first), of: log, in: models),
            Documents(HoldingsBalances(.second), of: log, in: models),
        ]
    }

    /// The documents that have stopped, in the order of the log; also those of the holdings in the version that does not
    /// answer.
    public func parked() async throws -> [ParkedDocument] {
        var all: [ParkedDocument] = []
        for documents in documents {
            for parked in try await documents.parked() {
                let page = try await log.readPage(
                    from: .position(parked.position), direction: .forward, filter: .everything, limit: 1)
                let place = page.events.first.map { EventReference(stream: $0.stream, version: $0.version) }
                all.append(
                    ParkedDocument(
                        key: "\(documents.name)/\(parked.key)", event: place?.description ?? "",
                        position: parked.position, reason: parked.reason))
            }
        }
        return all.sorted { ($0.position, $0.key) < ($1.position, $1.key) }
    }

    /// Takes what a stopped document has missed into account, in order. It stays stopped where an event fails anew, as
    /// ``parked()`` tells.
    ///
    /// - Parameter key: As ``parked()`` has it: `cash-balances/T017`.
    /// - Throws: ``NothingParked``.
    /// - Complexity: O(events that the read model folds, since the one at which it stopped).
    public func replay(_ key: String) async throws {
        let parts = key.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, let documents = documents.first(where: { $0.name.rawValue == parts[0] }) else {
            throw NothingParked(key: key)
        }
        do { try await documents.resume(String(parts[1])) } catch let error as ProjectionError {
            switch error {
            case .failed, .undecodable: break  // The document tells why it has stopped again.
            case .keyNotParked: throw NothingParked(key: key)
            default: throw error
            }
        }
    }
}
