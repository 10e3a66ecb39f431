/// What kind of thing an instrument is, and so what its trades cost beside their price.
public enum InstrumentKind: Sendable, Hashable, Codable, CustomStringConvertible {
    case share
    /// Its trades pay the interest that has accrued, too.
    case bond(terms: BondTerms)

    public var description: String {
        switch self {
        case .share: "a share"
        case .bond(let terms): "a bond of \(terms.issuer) that matures on \(terms.maturity)"
        }
    }
}
