/// A change to a read model that is tried until its outcome is known. The store keeps the tokens of the last changes beside
/// the model: by them, who lost an answer finds out what became of a change.
package struct ChangeAttempt<Token: Equatable & Sendable>: Sendable {
    package enum Outcome: Sendable {
        /// Nothing was sent yet, or what was sent took no effect.
        case withoutEffect
        case tookEffect
        /// So many changes have come since one was sent that its token may be forgotten.
        case unknown
    }

    /// How many of the last changes a store names.
    package static var tokensKept: Int { 32 }

    package let token: Token
    /// The last change before the one that was sent: the outer is nil before any was, the inner where there was none.
    private var before: Token??

    package init(token: Token) { self.token = token }

    /// - Parameter tokens: Those beside the model as it was when the change was sent, newest first.
    package mutating func noteSent(after tokens: [Token]) { before = .some(tokens.first) }

    /// - Parameter tokens: Those beside the model now, newest first.
    package func outcome(by tokens: [Token]) -> Outcome {
        if tokens.contains(token) { return .tookEffect }
        guard let before else { return .withoutEffect }
        let isEachNamed = before.map { tokens.contains($0) } ?? (tokens.count < Self.tokensKept)
        return isEachNamed ? .withoutEffect : .unknown
    }

    /// Says that the outcome is ``Outcome/unknown``.
    package func unknownOutcome(of model: ReadModelName) -> DerivedStateError {
        .storageFailed(
            reason:
                "the read model '\(model)' has changed more than \(Self.tokensKept) times since a change was sent, and "
                + "whether that one took effect is not known any more")
    }
}
