import Foundation

/// Reads a password: a line of standard input, which a terminal does not show. Never an argument, which every process may read.
enum PasswordInput {
    /// - Parameter prompt: What a person is asked on a terminal.
    static func read(_ prompt: String = "Password: ") throws(CommandFailure) -> String {
        let isTerminal = isatty(STDIN_FILENO) == 1
        var shown = termios()
        if isTerminal {
            FileHandle.standardError.write(Data(prompt.utf8))
            tcgetattr(STDIN_FILENO, &shown)
            var hidden = shown
            hidden.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
        }
        defer {
            if isTerminal {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
                FileHandle.standardError.write(Data("\n".utf8))
            }
        }
        guard let line = readLine(), !line.isEmpty else {
            throw CommandFailure(.usage, "No password came on standard input: write it there as one line.")
        }
        return line
    }
}
