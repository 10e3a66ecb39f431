import Foundation

/// Why a script did not do what a test wanted.
public struct ScriptFailure: Error, CustomStringConvertible {
    public var description: String
}

/// Runs a script of bash, waits for its end, and returns what it printed.
///
/// Blocks; the scripts are short. Foundation's `Process` would wait for what the script leaves running, too.
///
/// - Parameters:
///   - words: The script's file, and its arguments.
///   - changes: Variables of its environment beside those of this process.
@discardableResult
public func runScript(_ words: [String], environment changes: [String: String]) throws -> String {
    let output = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-script-\(UUID().uuidString)")
        .path
    defer { try? FileManager.default.removeItem(atPath: output) }
    let environment = ProcessInfo.processInfo.environment.merging(changes) { $1 }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    var arguments = (["/bin/bash"] + words).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var child = pid_t()
    guard posix_spawn(&child, "/bin/bash", &actions, nil, &arguments, &variables) == 0 else {
        throw ScriptFailure(description: "bash does not start")
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
    guard status == 0 else {
        throw ScriptFailure(description: "\(words.dropFirst().joined(separator: " ")) ended with \(status): \(text)")
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
}
