import ArgumentParser
import DaybookCore
import DaybookProtocol

/// Why a verb ended early: what standard error says, and the exit code.
struct CommandFailure: Error, CustomStringConvertible {
    let code: ExitCode
    /// What happened, with which value, what to do.
    let description: String

    init(_ code: ExitCode, _ description: String) {
        self.code = code
        self.description = description
    }

    init(_ error: AppendError) {
        switch error {
        case .storageFailed(let reason, mayBeWritten: false) where AccessRefusal.isTold(by: reason):
            self.init(denial: reason)
        case .storageFailed, .closed, .cancelled: self.init(.inputOutput, error.description)
        default: self.init(.refused, error.description)
        }
    }

    init(_ error: ReadError) {
        switch error {
        case .corrupted, .archiveUnreadable: self.init(.damageFound, error.description)
        case .invalidLimit, .queryTooLarge: self.init(.usage, error.description)
        case .storageFailed(let reason) where AccessRefusal.isTold(by: reason): self.init(denial: reason)
        default: self.init(.inputOutput, error.description)
        }
    }

    /// A server refused what only others may do.
    init(denial reason: String) { self.init(.noPermission, "The server refused: \(reason).") }

    init(_ error: JSONSyntaxError, in what: String) {
        self.init(.malformedInput, "\(what) is not JSON: \(error).")
    }
}
