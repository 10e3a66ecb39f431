import DaybookCore

/// A clock that goes as the simulation has it: in small steps, in leaps, and now and then back.
final class SimulatedClock: @unchecked Sendable {
    private(set) var now = Timestamp(microseconds: 1_700_000_000_000_000)
    /// All that has passed, in microseconds.
    private(set) var passed: Int64 = 0

    func pass(upTo microseconds: Int, _ random: inout SimulationRandom) {
        var step = Int64(random.below(microseconds + 1))
        if random.oneIn(200) { step += Int64(random.below(3_600_000_000)) }
        passed += step
        if random.oneIn(100) { step = -Int64(random.below(60_000_000)) }
        now = Timestamp(microseconds: now.microseconds + step)
    }

    /// A moment that lies about where events may have been recorded.
    func some(_ random: inout SimulationRandom) -> Timestamp {
        Timestamp(microseconds: now.microseconds - Int64(random.below(40_000_000)))
    }
}
