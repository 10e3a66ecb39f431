import DaybookCore

/// A state in memory, for the next command.
@usableFromInline
final class KeptBasis<D: Decider>: Sendable {
    @usableFromInline let basis: CommandHandler<D>.Basis

    @inlinable
    init(_ basis: consuming CommandHandler<D>.Basis) { self.basis = basis }

    /// - Parameter kept: What a handler of this decider left: its turns keep nothing else.
    @inlinable
    static func from(_ kept: any StreamTurns.Kept) -> KeptBasis { unsafeDowncast(kept, to: KeptBasis.self) }
}
