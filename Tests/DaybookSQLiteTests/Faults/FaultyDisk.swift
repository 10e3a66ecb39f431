import CFaultFileSystem
import CSQLite
import Foundation

/// A SQLite file system that breaks on purpose, registered under a name of its own for as long as this lives.
final class FaultyDisk: Sendable {
    struct Rule: Sendable {
        let number: Int32
    }

    let name = "daybook-fault-\(UUID().uuidString)"
    nonisolated(unsafe) private let system: OpaquePointer

    /// - Parameters:
    ///   - deviceCharacteristics: What SQLite's own file system for Unix claims of its disk.
    ///   - isInMemory: Whether the files live in memory alone.
    init(
        deviceCharacteristics: Int32 = SQLITE_IOCAP_POWERSAFE_OVERWRITE, isInMemory: Bool = false
    ) throws {
        guard let system = isInMemory ? fault_fs_create_in_memory(name) : fault_fs_create(name) else {
            throw TestFailure("SQLite did not take the file system '\(name)'.")
        }
        self.system = system
        fault_fs_set_device_characteristics(system, deviceCharacteristics)
    }

    deinit {
        // Fails while a file is open: then SQLite still needs it, and it stays.
        _ = fault_fs_destroy(system)
    }

    /// Breaks calls from the `first` matching one on, `count` in a row, or all when that is nil.
    @discardableResult
    func breakCall(
        _ call: FaultCall, of suffix: String = "", first: Int = 1, count: Int? = 1, effect: FaultEffect = .error,
        result: Int32 = 0, length: Int = 0, offset: Int64 = 0, bit: Int32 = 0
    ) -> Rule {
        let number = suffix.withCString { suffix in
            var rule = FaultRule(
                call: call, suffix: suffix, first: UInt64(first), count: UInt64(count ?? 0), effect: effect,
                result: result, length: length, offset: offset, bit: bit)
            return fault_fs_add_rule(system, &rule)
        }
        precondition(number >= 0, "A disk has room for 64 rules; clear some.")
        return Rule(number: number)
    }

    func timesMet(_ rule: Rule) -> Int { Int(fault_fs_rule_met(system, rule.number)) }
    func repair() { fault_fs_clear_rules(system) }

    /// Reports every sync as done and does none.
    func dropSyncs() { breakCall(.sync, count: nil, effect: .dropped) }

    func limitCapacity(to bytes: Int64?) { fault_fs_set_capacity(system, bytes ?? -1) }
    var usedBytes: Int64 { fault_fs_used(system) }

    func calls(_ call: FaultCall) -> Int { Int(fault_fs_calls(system, call)) }
    func faults(_ call: FaultCall) -> Int { Int(fault_fs_faults(system, call)) }
    var openFiles: Int { Int(fault_fs_open_files(system)) }

    func cutPower() { fault_fs_power_off(system) }
    /// Ends what was no power cut but the death of the process: the files are as it wrote them.
    func restorePower() { fault_fs_power_on(system) }
    var isOff: Bool { fault_fs_is_off(system) }

    /// Writes what a power cut at this moment would leave into a directory, and returns how many writes it took away.
    @discardableResult
    func copySurviving(to directory: URL, _ survival: FaultSurvival, seed: UInt64) throws -> Int {
        let lost = fault_fs_copy_surviving(system, directory.path, survival, seed)
        guard lost >= 0 else { throw TestFailure("The surviving files could not be written to \(directory.path).") }
        return Int(lost)
    }

    /// Leaves of files in memory, none of them open, what a power cut at this moment would.
    func restart(_ survival: FaultSurvival, seed: UInt64) throws -> FaultLoss {
        var loss = FaultLoss()
        guard fault_fs_restart(system, survival, seed, &loss) else {
            throw TestFailure("\(openFiles) files are open, or they are real ones.")
        }
        return loss
    }

    func loseSector(at offset: Int64, of path: String) -> Bool { fault_fs_lose_sector(system, path, offset) }
    var lostSectorReads: Int { Int(fault_fs_lost_sector_reads(system)) }
    func size(of path: String) -> Int64 { fault_fs_file_size(system, path) }

    func flipBit(_ bit: Int32 = 0, at offset: Int64, of path: String) -> Bool {
        fault_fs_flip_bit(system, path, offset, bit)
    }
}

/// What a test could not do that it needed to.
struct TestFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A directory that goes with its owner.
final class TemporaryDirectory: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    func removeContents() throws {
        for file in try FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil) {
            try FileManager.default.removeItem(at: file)
        }
    }
}
