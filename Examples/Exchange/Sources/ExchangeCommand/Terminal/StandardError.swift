import Foundation

/// Messages for people, beside the output.
enum StandardError {
    static let isTerminal = isatty(2) == 1

    static func write(_ text: String) {
        // Nobody is left to be told when standard error itself fails.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    static func line(_ text: String) { write(text + "\n") }
}
