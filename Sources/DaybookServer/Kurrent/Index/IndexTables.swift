#if Server
import DaybookCore
import Synchronization

/// The tables of those streams that were read from the index: the same for all who read one.
final class IndexTables: Sendable {
    private struct State {
        var tables: [IndexStream: (table: IndexTable, lastUse: Int)] = [:]
        var uses = 0

        mutating func dropOne() {
            // Whoever asks for names that nobody uses shall not cost others their tables.
            let least = tables.min { left, right in
                let (isLeftFull, isRightFull) = (left.value.table.count > 0, right.value.table.count > 0)
                return isLeftFull == isRightFull ? left.value.lastUse < right.value.lastUse : isRightFull
            }
            if let least { tables[least.key] = nil }
        }
    }

    /// How many tables are kept. Beyond, one goes that is empty, or else the one that was asked for longest ago.
    let capacity: Int
    private let store: any EventStore
    private let state = Mutex(State())

    init(store: any EventStore, capacity: Int = 1_000) {
        self.store = store
        self.capacity = capacity
    }

    /// Events have gone from the log, so that the numbers of others are smaller now. Who has a table goes on by it.
    func forgetAll() { state.withLock { $0.tables = [:] } }

    func table(of stream: IndexStream) -> IndexTable {
        state.withLock { state in
            state.uses += 1
            if let known = state.tables[stream]?.table {
                state.tables[stream] = (known, state.uses)
                return known
            }
            if state.tables.count >= capacity { state.dropOne() }
            let table = IndexTable(of: stream, in: store)
            state.tables[stream] = (table, state.uses)
            return table
        }
    }
}
#endif
