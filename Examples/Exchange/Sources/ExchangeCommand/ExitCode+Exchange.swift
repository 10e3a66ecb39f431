import ArgumentParser

/// What the command's exit status tells a script: the numbers of `daybook`, and of `sysexits.h` above 63.
extension ExitCode {
    static let refused = ExitCode(1)
    static let damageFound = ExitCode(2)
    static let nothingFound = ExitCode(3)
    static let usage = ExitCode(64)
    static let malformedInput = ExitCode(65)
    static let missingFile = ExitCode(66)
    static let unavailable = ExitCode(69)
    static let cannotCreate = ExitCode(73)
    static let inputOutput = ExitCode(74)

    /// The table in `exchange --help`.
    static let explanation = """
        EXIT CODES
          0   done
          1   the exchange refused: the store holds something else, a rule was broken, or it failed again
          2   the log is damaged, is not what it was before, or has events that this program cannot read
          3   there is no such book, order, bond or account, or no such record
          64  the arguments are wrong
          65  an input is malformed; the message names its line
          66  a file does not exist
          69  another process has the store open
          73  a file cannot be created
          74  the storage, the input or the output failed
        """
}

/// Why a verb ended early: what standard error says, and the exit code.
struct CommandFailure: Error, CustomStringConvertible {
    let code: ExitCode
    let description: String

    init(_ code: ExitCode, _ description: String) {
        self.code = code
        self.description = description
    }
}
