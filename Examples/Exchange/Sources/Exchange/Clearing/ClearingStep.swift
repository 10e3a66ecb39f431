/// What an account has done for a trade.
public enum ClearingStep: String, Sendable, Hashable, Codable, CaseIterable {
    /// The buyer paid.
    case payment
    /// The seller delivered.
    case delivery
    /// The seller received the money.
    case proceeds
    /// The buyer received the shares.
    case receipt
    /// The buyer got its money back.
    case refund
    /// The seller got its shares back.
    case giveBack
}
