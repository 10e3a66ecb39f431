import CFaultFileSystem
import CSQLite
import Foundation
import Synchronization

/// A disk in memory that breaks as a plan says, and counts by kind how often.
final class SimulatedDisk {
    let name: String
    private let system: OpaquePointer
    private unowned let simulation: Simulation
    /// Whether faults come.
    var isArmed = false
    private(set) var counts: [FaultKind: Int] = [:]
    /// Whether it has done something that an honest disk does not.
    private(set) var hasLied = false
    /// What brought the store down, while the power is off.
    private(set) var crash: FaultKind?

    /// Bytes over which a fault that moves or hits a place may reach: some pages of the file.
    private static let sector = 512

    /// SQLite knows file systems by name, so that each needs one of its own.
    private static let lastNumber = Atomic<Int>(0)

    init(_ simulation: Simulation) {
        name = "daybook-simulation-\(Self.lastNumber.add(1, ordering: .relaxed).newValue)"
        self.simulation = simulation
        guard let system = fault_fs_create_in_memory(name) else {
            preconditionFailure("SQLite did not take the file system '\(name)'.")
        }
        self.system = system
        fault_fs_set_device_characteristics(system, simulation.plan.deviceCharacteristics)
        fault_fs_set_decision(
            system,
            { context, call, path, offset, length, rule in
                guard let context, let rule else { return false }
                let disk = Unmanaged<SimulatedDisk>.fromOpaque(context).takeUnretainedValue()
                return disk.decide(call, path, offset, length, &rule.pointee)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { _ = fault_fs_destroy(system) }

    var isOff: Bool { fault_fs_is_off(system) }
    var openFiles: Int { Int(fault_fs_open_files(system)) }

    func limitRoom(to bytes: Int?) {
        fault_fs_set_capacity(system, bytes.map { fault_fs_used(system) + Int64($0) } ?? -1)
    }

    private func count(_ kind: FaultKind, _ number: Int = 1) {
        guard number > 0 else { return }
        counts[kind, default: 0] += number
        if !kind.isHonest { hasLied = true }
        simulation.trace.note("fault", number, text: kind.rawValue)
    }

    // MARK: - One call

    private func decide(
        _ call: FaultCall, _ path: UnsafePointer<CChar>?, _ offset: Int64, _ length: Int64, _ rule: inout FaultRule
    ) -> Bool {
        simulation.trace.note("call", Int(call.rawValue), Int(offset))
        simulation.letOthersGoOn()
        guard isArmed, !isOff, let kind = kind(call, path != nil) else {
            return decidePlanted(call, path, &rule)
        }
        rule.effect = .error
        switch kind {
        case .powerCut, .kill:
            rule.effect = .powerOff
            rule.length = simulation.random.below(Int(length) + 1)
            crash = kind
        case .shortWrite:
            rule.effect = .short
            rule.length = simulation.random.below(Int(length))
        case .shortRead:
            rule.effect = .short
            rule.length = simulation.random.below(Int(length))
        case .flippedRead, .flippedWrite:
            rule.effect = .flippedBit
            rule.offset = offset + Int64(simulation.random.below(Int(length)))
            rule.bit = Int32(simulation.random.below(8))
        case .misdirectedRead, .misdirectedWrite:
            rule.effect = .misdirected
            rule.offset = Int64(simulation.random.within(1...8) * (simulation.random.oneIn(2) ? 4096 : Self.sector))
            if simulation.random.oneIn(2) { rule.offset = -rule.offset }
        case .droppedWrite, .droppedSync: rule.effect = .dropped
        case .failedWrite where simulation.random.oneIn(4): rule.result = SQLITE_FULL
        default: break
        }
        count(kind)
        return true
    }

    /// The fault that a call gets.
    private func kind(_ call: FaultCall, _ isNamed: Bool) -> FaultKind? {
        let kinds: [FaultKind] =
            switch call {
            case .open: [.failedOpen]
            case .read: [.failedRead, .flippedRead, .misdirectedRead, .shortRead]
            case .write: [.failedWrite, .shortWrite, .flippedWrite, .misdirectedWrite, .droppedWrite]
            case .truncate: [.failedTruncation]
            case .sync: [.failedSync, .droppedSync]
            case .delete: [.failedDeletion]
            case .access: [.failedAccess]
            case .fileSize: []
            case .lock: [.failedLock]
            case .sharedMemoryMap, .sharedMemoryLock: [.failedSharedMemory]
            }
        for kind in kinds + [.powerCut, .kill] {
            if let rarity = simulation.plan.rarities[kind], simulation.random.oneIn(rarity) { return kind }
        }
        return nil
    }

    /// A fault that a canary hides from the model: it is not counted, and nothing is excused by it.
    private func decidePlanted(_ call: FaultCall, _ path: UnsafePointer<CChar>?, _ rule: inout FaultRule) -> Bool {
        guard isArmed, !isOff, let path else { return false }
        rule.effect = .dropped
        switch simulation.planted {
        case .unsyncedCommits: return call == .sync
        case .lostWALWrites:
            return call == .write && path[strlen(path) - 1] == CChar(UInt8(ascii: "l")) && simulation.random.oneIn(40)
        default: return false
        }
    }

    // MARK: - Between calls

    /// Now and then damages what lies on the disk.
    func age() {
        guard isArmed, !isOff else { return }
        for kind in [FaultKind.flippedAtRest, .sectorLost] {
            guard let rarity = simulation.plan.rarities[kind], simulation.random.oneIn(rarity) else { continue }
            let path = simulation.path + simulation.random.pick(["", "", "-wal"])
            let size = fault_fs_file_size(system, path)
            guard size > 0 else { continue }
            let offset = Int64(simulation.random.below(Int(size)))
            let isDone =
                kind == .flippedAtRest
                ? fault_fs_flip_bit(system, path, offset, Int32(simulation.random.below(8)))
                : fault_fs_lose_sector(system, path, offset)
            if isDone { count(kind) }
        }
    }

    func cutPower(_ kind: FaultKind) {
        guard !isOff else { return }
        count(kind)
        crash = kind
        fault_fs_power_off(system)
    }

    /// Puts the power on again: after a power cut with what survived it, else with all that was written.
    ///
    /// - Returns: False when a file is still open.
    func restart() -> Bool {
        count(.diskFull, Int(fault_fs_writes_without_room(system)) - counts[.diskFull, default: 0])
        defer { crash = nil }
        guard crash == .powerCut else {
            fault_fs_power_on(system)
            return openFiles == 0
        }
        var loss = FaultLoss()
        let survival = simulation.random.pick([FaultSurvival.none, .all, .prefix, .random, .random])
        guard fault_fs_restart(system, survival, simulation.random.next(), &loss) else { return false }
        count(.unsyncedWriteLost, Int(loss.writes - loss.torn_writes))
        count(.unsyncedWriteTorn, Int(loss.torn_writes))
        return true
    }
}
