import Foundation

/// The seeds of a randomised test: those given, or the one in the environment variable DAYBOOK_SEED, which repeats a
/// failure.
func seeds(_ count: UInt64) -> [UInt64] {
    if let text = ProcessInfo.processInfo.environment["DAYBOOK_SEED"], let seed = UInt64(text) { return [seed] }
    return Array(1...count)
}
