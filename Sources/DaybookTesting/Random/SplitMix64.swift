/// A random number generator that gives the same numbers for the same seed, on every machine.
///
/// See Steele, Lea, Flood: Fast splittable pseudorandom number generators, https://doi.org/10.1145/2714064.2660195
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// True once in so many times.
    public mutating func oneIn(_ times: Int) -> Bool { Int.random(in: 0..<max(times, 1), using: &self) == 0 }

    /// Any of some choices that are not empty.
    public mutating func pick<Choice>(_ choices: [Choice]) -> Choice {
        choices[Int.random(in: choices.indices, using: &self)]
    }

    /// Each of some choices with the same chance of one half.
    public mutating func subset<Choice>(of choices: [Choice]) -> [Choice] {
        choices.filter { _ in Bool.random(using: &self) }
    }
}
