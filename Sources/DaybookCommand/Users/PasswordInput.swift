import Foundation

/// Reads a password, which a terminal does not show. Never an argument, which every process may read.
enum PasswordInput {
    /// A new one: a line of standard input, or asked for where that is a terminal.
    ///
    /// - Parameter prompt: What a person is asked on a terminal.
    static func read(_ prompt: String = "Password: ") throws(CommandFailure) -> String {
        if let password = try ask(prompt, reading: STDIN_FILENO, writing: STDERR_FILENO) { return password }
        guard let line = readLine(), !line.isEmpty else {
            throw CommandFailure(.usage, "No password came on standard input: write it there as one line.")
        }
        return line
    }

    /// Asks on the terminal that the command was started from, wherever its input and its output are.
    ///
    /// - Returns: Nil where there is no terminal, as for what the system starts by itself.
    static func ask(_ prompt: String) throws(CommandFailure) -> String? {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        return try ask(prompt, reading: terminal, writing: terminal)
    }

    /// - Returns: Nil where what is read is no terminal.
    private static func ask(
        _ prompt: String, reading input: Int32, writing output: Int32
    ) throws(CommandFailure) -> String? {
        var shown = termios()
        guard isatty(input) == 1, tcgetattr(input, &shown) == 0 else { return nil }
        var hidden = shown
        // Control-C comes as a byte that ends the line. As a signal it would end the program with the terminal hidden; or not end
        // it, where work is only cancelled, for which this does not look.
        hidden.c_lflag &= ~tcflag_t(ECHO | ISIG)
        let interruption = withUnsafeMutableBytes(of: &hidden.c_cc) { characters -> UInt8 in
            characters[Int(VEOL)] = characters[Int(VINTR)]
            return characters[Int(VINTR)]
        }
        // Before the question, so that an answer that comes at once is not shown.
        tcsetattr(input, TCSAFLUSH, &hidden)
        defer {
            tcsetattr(input, TCSAFLUSH, &shown)
            say("\n", on: output)
        }
        say(prompt, on: output)
        guard let password = try lineWritten(on: input, endedBy: interruption), !password.isEmpty else {
            throw CommandFailure(.usage, "No password was written on the terminal: write it there as one line.")
        }
        return password
    }

    private static func say(_ text: String, on output: Int32) {
        // Where nothing can be written nobody looks.
        _ = Array(text.utf8).withUnsafeBytes { Foundation.write(output, $0.baseAddress, $0.count) }
    }

    /// The most bytes that a line is read for: no password is so long.
    private static let mostBytes = 4_096

    /// - Parameter interruption: The byte of control-C, or whatever the terminal has for it; 0 for nothing.
    private static func lineWritten(
        on input: Int32, endedBy interruption: UInt8
    ) throws(CommandFailure) -> String? {
        var bytes: [UInt8] = []
        while bytes.count < mostBytes {
            var byte: UInt8 = 0
            let count = Foundation.read(input, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return nil }
            if byte == interruption, byte != 0 {
                throw CommandFailure(.interrupted, "Ended by control-C: no password was written.")
            }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }
}
