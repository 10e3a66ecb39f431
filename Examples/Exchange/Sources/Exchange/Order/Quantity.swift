/// A number of shares.
public typealias Quantity = Int64

/// The bounds of quantities in commands.
public enum QuantityLimits {
    /// The shares of one order or one movement. A price times this many fits in 64 bits.
    public static let allowed: ClosedRange<Quantity> = 1...100_000_000
}
