#if JetStream
import DaybookCore
import Synchronization

/// What this process remembers of read models. What is out of date costs a request, never a wrong answer.
final class ModelMemory: Sendable {
    /// A model's head, and the sequence of its message; 0 for a model that has none.
    struct Known: Sendable {
        var head: ModelHead
        var sequence: Int64
    }

    /// Of how many models the keys are kept.
    private static let lists = 8
    private static let heads = 1_000

    private let known = Mutex([ReadModelName: Known]())
    private let keys = Mutex([(model: ReadModelName, keys: ModelKeys)]())

    subscript(model: ReadModelName) -> Known? { known.withLock { $0[model] } }

    /// Takes in what a server said of a model, if it is not from before what is known.
    ///
    /// - Returns: Whether that may be so by now.
    @discardableResult
    func note(_ answer: Known, of model: ReadModelName) -> Bool {
        known.withLock { known in
            if let last = known[model], answer.sequence < last.sequence {
                // A server forgets the head of a model that is gone.
                return answer.sequence == 0 && last.head.status == .gone
            }
            if known.count >= Self.heads, known[model] == nil { known = [:] }
            known[model] = answer
            return true
        }
    }

    /// Hands out the keys of a model; whoever changes them gives them back.
    func keys(of model: ReadModelName, epoch: UInt64) -> ModelKeys {
        keys.withLock { lists in lists.first { $0.model == model && $0.keys.epoch == epoch }?.keys }
            ?? ModelKeys(epoch: epoch)
    }

    func keep(_ keys: ModelKeys, of model: ReadModelName) {
        self.keys.withLock { lists in
            let old = lists.first { $0.model == model }?.keys
            lists.removeAll { $0.model == model }
            let isNewer = old.map { $0.epoch != keys.epoch || $0.scanned <= keys.scanned } ?? true
            lists.append((model, isNewer ? keys : old ?? keys))
            if lists.count > Self.lists { lists.removeFirst() }
        }
    }
}
#endif
