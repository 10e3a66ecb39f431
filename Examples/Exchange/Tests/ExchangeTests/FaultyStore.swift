import DaybookCore
import DaybookTesting
import Synchronization

/// A store in front of another that fails now and then, before or after it has done what it was asked: each failure as if
/// the process had died there.
final class FaultyStore: ForwardingStore, ForwardingReadModelStore {
    let base: any EventStore
    let models: any ReadModelStore
    private let state: Mutex<(random: SplitMix64, faults: Int)>

    /// - Parameter faults: How often it fails at most.
    init(_ base: any EventStore & ReadModelStore, seed: UInt64, faults: Int) {
        self.base = base
        models = base
        state = Mutex((SplitMix64(seed: seed), faults))
    }

    /// How many faults are still to come.
    var faultsLeft: Int { state.withLock(\.faults) }

    private func isFaulty() -> Bool {
        state.withLock { state in
            guard state.faults > 0, state.random.oneIn(8) else { return false }
            state.faults -= 1
            return true
        }
    }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        if isFaulty() { throw .storageFailed(reason: "a test, before", mayBeWritten: false) }
        let result = try await base.append(request)
        if isFaulty() { throw .storageFailed(reason: "a test, after", mayBeWritten: true) }
        return result
    }

    func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        if isFaulty() { throw .storageFailed(reason: "a test, before") }
        try await models.commit(batch)
        if isFaulty() { throw .storageFailed(reason: "a test, after") }
    }
}
