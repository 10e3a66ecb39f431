/// An error that may be the domain's no, as opposed to a fault that may pass.
///
/// ``CommandError`` and ``BoundaryError`` are; a sender of commands that goes another way throws an error of its own.
public protocol CommandRejection: Error {
    /// Why the domain said no; nil when it did not, and the command may be tried again.
    var rejectionReason: String? { get }
}

extension CommandError: CommandRejection {
    public var rejectionReason: String? {
        switch self {
        case .rejected(let rejection), .rejectedInBatch(let rejection, _): String(describing: rejection)
        default: nil
        }
    }
}

extension BoundaryError: CommandRejection {
    public var rejectionReason: String? {
        if case .rejected(let rejection) = self { String(describing: rejection) } else { nil }
    }
}

/// How messages quote a rejection.
enum RejectionText {
    /// Its text, with one full stop behind it.
    static func sentence(_ rejection: some Error) -> String {
        let text = String(describing: rejection)
        return text.hasSuffix(".") ? text : text + "."
    }
}
