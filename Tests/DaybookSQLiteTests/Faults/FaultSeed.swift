import CFaultFileSystem
import Foundation

/// How much the tests with random faults do, and from which seed.
enum FaultSeed {
    /// The states after a power cut that a test looks at; `DAYBOOK_FAULT_STATES` asks for more.
    static let states = number("DAYBOOK_FAULT_STATES") ?? 300
    /// `DAYBOOK_SEED` repeats a run.
    static let value = UInt64(number("DAYBOOK_SEED") ?? Int.random(in: 1...1_000_000))

    private static func number(_ variable: String) -> Int? {
        ProcessInfo.processInfo.environment[variable].flatMap { Int($0) }
    }
}

/// SplitMix64. See https://prng.di.unimi.it/splitmix64.c
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

extension FaultSurvival {
    /// Every way in which a disk may lose what was not synced, the random ones more often.
    static let mixed: [FaultSurvival] = [.none, .all, .prefix, .random, .random, .prefix]
}
