import Foundation

/// Messages for people, beside the output.
enum StandardError {
    static let isTerminal = isatty(2) == 1

    static func write(_ text: String) {
        // Nobody is left to be told when standard error itself fails.
        try? Array(text.utf8).writeAll(to: 2)
    }

    static func line(_ text: String) { write(text + "\n") }
}
