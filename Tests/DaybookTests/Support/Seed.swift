import Foundation

/// Seeds of randomised tests: fixed ones, or the one in the environment variable `DAYBOOK_SEED`.
enum Seed {
    static func list(_ count: Int) -> [UInt64] {
        if let text = ProcessInfo.processInfo.environment["DAYBOOK_SEED"], let seed = UInt64(text) { return [seed] }
        return (1...UInt64(count)).map { $0 }
    }
}

/// SplitMix64: https://prng.di.unimi.it/splitmix64.c
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
