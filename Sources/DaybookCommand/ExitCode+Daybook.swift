import ArgumentParser
import Foundation

/// What the command's exit status tells a script. The numbers above 63 are those of `sysexits.h`.
extension ExitCode {
    /// The store or its server refused a request: a conflict, a broken rule. Nothing of that request was written. Or a server
    /// cannot start.
    static let refused = ExitCode(1)
    /// `verify` or `backup` found damaged records, or `salvage` had to leave some out; `schema verify` found events that are
    /// not as their lock says.
    static let damageFound = ExitCode(2)
    /// `health` found a store or a consumer that is not well.
    static let unhealthy = ExitCode(3)
    /// The arguments make no sense together.
    static let usage = ExitCode(64)
    /// An input has lines or values that cannot be understood.
    static let malformedInput = ExitCode(65)
    /// A file, or a store, that is named does not exist.
    static let missingFile = ExitCode(66)
    /// Another process has the store's file open, or no server of the store can be reached, or it has no time.
    static let unavailable = ExitCode(69)
    /// A file cannot be created.
    static let cannotCreate = ExitCode(73)
    /// The storage, the input or the output failed.
    static let inputOutput = ExitCode(74)
    /// A server does not know who asks, or they have no right to what they ask for. Nothing of it was done.
    static let noPermission = ExitCode(77)
    /// Control-C came in the place of a password: what a shell tells of a program that the signal ends.
    static let interrupted = ExitCode(128 + SIGINT)

    /// The table in `daybook --help`.
    static let explanation = """
        EXIT CODES
          0   done
          1   the store or its server refused a request: a conflict, a broken rule; nothing of it was written;
              or 'serve' cannot start: a port that is taken, a certificate that cannot be used
          2   'verify' or 'backup' found damage; 'salvage' could not save everything; 'schema verify' found events that
              their lock does not describe
          3   'health' found a store or a consumer that is not well
          64  the arguments are wrong
          65  the input is malformed; the message names its line
          66  a file, or a store on a server, does not exist
          69  another process has the store's file open, or no server of the store can be reached, or it has no time
          73  a file cannot be created
          74  the storage, the input or the output failed
          77  the server does not know the user, or the user has no right to this; nothing of it was done
          130 control-C, while a password was asked for
        """
}
