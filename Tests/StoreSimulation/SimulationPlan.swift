import CSQLite
import DaybookSQLite

/// What one seed is about: which faults may come and how often, what the clients ask for, and how small everything is.
///
/// Each seed draws a part of all that there is ("swarm testing"): what hides a defect in one seed is missing in another.
/// See https://www.cs.utah.edu/~regehr/papers/swarm12.pdf
struct SimulationPlan {
    enum Operation: CaseIterable {
        case append, appendToMany, expectVersion, condition, command, repeatRequest, control
        case readStream, readLog, readFiltered, readState, readStreams, readReceipt, awaitHead
        case checkpoint, documents, snapshot, reindex, verify
    }

    /// Of how many calls of SQLite that can have it one has a fault; those that are not in it do not come.
    private(set) var rarities: [FaultKind: Int] = [:]
    private(set) var operations: [Operation] = []
    let clients: Int
    let operationsPerClient: Int
    /// How often the store is opened, used, and closed or brought down.
    let lives: Int
    /// One in so many operations is cancelled; 0 for none.
    let cancellation: Int
    /// At one in so many calls of SQLite another worker goes on meanwhile; 0 for none.
    let interleaving: Int
    /// The size of the disk beyond what is used; nil for no limit.
    let room: Int?
    let streams: Int
    let deviceCharacteristics: Int32
    /// How likely it is that tasks, the writer and the readers go on.
    let weights: (tasks: Int, writer: Int, readers: Int)
    let readerCount, cacheBytes, cachedNames, indexEntriesInMemory, indexEntriesPerCommit: Int
    let jobsPerTransaction, walPagesWhenIdle, walPages: Int

    var isHonest: Bool { rarities.keys.allSatisfy(\.isHonest) }

    init(_ random: inout SimulationRandom) {
        let isHonest = !random.oneIn(4)
        clients = random.within(1...5)
        operationsPerClient = random.within(3...16)
        lives = random.within(1...4)
        cancellation = random.oneIn(2) ? random.within(3...20) : 0
        interleaving = random.oneIn(3) ? 0 : random.pick([3, 10, 40])
        room = random.oneIn(4) ? random.within(0...80) * 1024 : nil
        streams = random.within(1...8)
        deviceCharacteristics = random.oneIn(2) ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0
        weights = (random.within(1...10), random.within(1...10), random.within(1...10))
        readerCount = random.within(1...3)
        cacheBytes = random.pick([1 << 14, 1 << 20])
        cachedNames = random.pick([2, 8, 1000])
        indexEntriesInMemory = random.pick([8, 30, 100, 400, 100_000])
        indexEntriesPerCommit = random.pick([1, 7, 40, 4096])
        jobsPerTransaction = random.pick([1, 3, 4096, 4096])
        walPagesWhenIdle = random.pick([4, 30, 200, 4000])
        walPages = random.pick([8, 60, 16_000])

        for operation in Operation.allCases where random.oneIn(2) { operations.append(operation) }
        if !operations.contains(where: { [.append, .appendToMany, .command, .expectVersion].contains($0) }) {
            operations.append(.append)
        }
        guard !random.oneIn(10) else { return }  // Now and then a disk without faults.
        for kind in FaultKind.allCases where kind.isHonest == isHonest || kind == .powerCut || kind == .kill {
            switch kind {
            case .unsyncedWriteLost, .unsyncedWriteTorn, .diskFull: continue  // They come with others.
            case .flippedAtRest, .sectorLost: if random.oneIn(3) { rarities[kind] = random.pick([15, 100]) }
            case .powerCut, .kill: if random.oneIn(2) { rarities[kind] = random.pick([100, 400, 1500]) }
            case .failedOpen, .failedAccess, .failedDeletion, .failedTruncation:
                if random.oneIn(3) { rarities[kind] = random.pick([2, 5, 20]) }
            case .failedSync, .droppedSync: if random.oneIn(3) { rarities[kind] = random.pick([5, 30, 100]) }
            case .failedLock, .failedSharedMemory:
                if random.oneIn(4) { rarities[kind] = random.pick([60, 300, 1500]) }
            default: if random.oneIn(3) { rarities[kind] = random.pick([15, 80, 400]) }
            }
        }
    }

    func configuration(_ fileSystem: String) -> SQLiteEventStore.Configuration {
        var configuration = SQLiteEventStore.Configuration()
        configuration.fileSystem = fileSystem
        configuration.freeSpaceReserve = 0  // It asks the real disk.
        configuration.readerCount = readerCount
        configuration.cacheBytes = cacheBytes
        configuration.cachedNames = cachedNames
        configuration.indexEntriesInMemory = indexEntriesInMemory
        configuration.indexEntriesPerCommit = indexEntriesPerCommit
        configuration.jobsPerTransaction = jobsPerTransaction
        configuration.walPagesWhenIdle = walPagesWhenIdle
        configuration.walPages = walPages
        return configuration
    }
}
