import Foundation

/// The process that is killed.
public enum UntilKilled {
    /// - Parameter program: An executable of this package.
    public static func start(_ program: String, _ arguments: String...) throws -> Process {
        let process = Process()
        process.executableURL = try path(of: program)
        process.arguments = arguments
        try process.run()
        return process
    }

    /// It lies beside the test bundle.
    private static func path(of program: String) throws -> URL {
        var folder = Bundle.main.bundleURL
        for _ in 0..<4 {
            let candidate = folder.appendingPathComponent(program)
            if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
            folder = folder.deletingLastPathComponent()
        }
        throw NotBuilt(program: program)
    }

    public static func lines(_ path: String) -> Int {
        (FileManager.default.contents(atPath: path) ?? Data()).count { $0 == UInt8(ascii: "\n") }
    }

    struct NotBuilt: Error { var program: String }
}
