#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The seeds that a randomised test runs with.
///
/// ```swift
/// @Test(arguments: TestSeeds.first(200))
/// func holds(seed: UInt64) async throws { … }
/// ```
///
/// A test that failed is run again alone with its seed in the environment: `DAYBOOK_SEED=17 swift test`.
public enum TestSeeds {
    /// The environment variable that holds the seed to run again.
    public static let variable = "DAYBOOK_SEED"

    /// The seed in the environment; nil when there is none, or when it is not a number.
    public static var fromEnvironment: UInt64? {
        guard let text = getenv(variable) else { return nil }
        return UInt64(String(cString: text))
    }

    /// The seeds from 1 on, or the one in the environment alone.
    public static func first(_ count: Int) -> [UInt64] {
        if let seed = fromEnvironment { return [seed] }
        return (0..<max(count, 0)).map { UInt64($0) + 1 }
    }
}
