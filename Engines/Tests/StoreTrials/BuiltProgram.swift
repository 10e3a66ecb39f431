import Foundation

/// A program that was built with the tests, run as a process of its own, in a folder that is gone when the test is.
public final class BuiltProgram: Sendable {
    public struct Outcome: Sendable {
        public var status: Int32
        public var output: String
        public var errors: String
    }

    public struct NotBuilt: Error {}

    private let folder = FileManager.default.temporaryDirectory.path + "/daybook-trial-\(UUID().uuidString)"
    private let binary: URL

    /// - Parameter name: `daybook` or `exchange`.
    public init(_ name: String) throws {
        // It lies beside the test bundle.
        var place = Bundle.main.bundleURL
        var found: URL?
        for _ in 0..<4 where found == nil {
            let candidate = place.appendingPathComponent(name)
            if FileManager.default.isExecutableFile(atPath: candidate.path) { found = candidate }
            place = place.deletingLastPathComponent()
        }
        guard let found else { throw NotBuilt() }
        binary = found
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    public func file(_ name: String) -> String { folder + "/" + name }

    /// A process that was started.
    public final class Running: Sendable {
        fileprivate let process: Process
        private let output: URL
        private let errors: URL
        private let end: Task<Void, Never>

        fileprivate init(_ process: Process, output: URL, errors: URL) throws {
            self.process = process
            self.output = output
            self.errors = errors
            let (ended, signal) = AsyncStream.makeStream(of: Void.self)
            process.terminationHandler = { _ in signal.finish() }
            try process.run()
            end = Task { for await _ in ended {} }
        }

        public func send(_ signal: Int32) { Foundation.kill(process.processIdentifier, signal) }

        /// What it has written to standard output so far.
        public var written: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

        /// The same of standard error.
        public var complained: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

        /// Waits for its end. The status is -1 when a signal ended it.
        public func outcome() async throws -> Outcome {
            await end.value
            return Outcome(
                status: process.terminationReason == .uncaughtSignal ? -1 : process.terminationStatus,
                output: written, errors: try String(contentsOf: errors, encoding: .utf8))
        }
    }

    public func start(_ arguments: String...) throws -> Running { try start(arguments) }

    /// - Parameters:
    ///   - variables: Of its environment, beside those of this process.
    ///   - input: What it reads from standard input; nothing when it is nil.
    public func start(
        _ arguments: [String], variables: [String: String] = [:], input: String? = nil
    ) throws -> Running {
        let process = Process()
        process.executableURL = binary
        process.arguments = arguments
        let files = ["out", "err"].map { URL(fileURLWithPath: file("\($0)-\(UUID().uuidString)")) }
        for file in files { try Data().write(to: file) }
        process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
        process.standardInput = FileHandle.nullDevice
        if let input {
            let place = URL(fileURLWithPath: file("in-\(UUID().uuidString)"))
            try Data(input.utf8).write(to: place)
            process.standardInput = try FileHandle(forReadingFrom: place)
        }
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        return try Running(process, output: files[0], errors: files[1])
    }

    /// Runs it to its end.
    public func run(
        _ arguments: [String], variables: [String: String] = [:], input: String? = nil
    ) async throws -> Outcome {
        try await start(arguments, variables: variables, input: input).outcome()
    }

    /// - Parameter delay: After which the process is killed; nil to wait for its end.
    public func run(_ arguments: String..., killedAfter delay: Duration? = nil) async throws -> Outcome {
        let running = try start(arguments)
        let killing = delay.map { delay in
            Task {
                try await Task.sleep(for: delay)
                running.send(SIGKILL)
            }
        }
        defer { killing?.cancel() }
        return try await running.outcome()
    }
}
