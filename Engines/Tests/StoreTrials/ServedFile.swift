import Foundation

/// A file that `daybook serve` serves, as a process of its own.
public struct ServedFile: Sendable {
    public struct NeverServed: Error { public let errors: String }

    public let program: BuiltProgram
    public let port: Int
    private let server: BuiltProgram.Running

    /// As `--server` takes it.
    public var address: String { "daybook://127.0.0.1:\(port)?tls=false" }

    /// The same with somebody who asks.
    public func address(of login: String, password: String) -> String {
        "daybook://\(login):\(password)@127.0.0.1:\(port)?tls=false"
    }

    /// What the server has said so far.
    public var said: String { server.complained }

    /// Serves a file while something is done, and ends the server.
    ///
    /// - Parameter options: Of `daybook serve`; how it is served must be among them.
    public static func serving(
        _ file: String, by program: BuiltProgram, _ options: [String] = ["--insecure"],
        _ use: (ServedFile) async throws -> Void
    ) async throws {
        let server = try program.start(["serve", file, "--port", "0"] + options)
        let result: Result<Void, any Error>
        do {
            try await use(ServedFile(program: program, port: try await port(of: server), server: server))
            result = .success(())
        } catch { result = .failure(error) }
        server.send(SIGTERM)
        _ = try await server.outcome()
        try result.get()
    }

    /// The port that it says when it listens.
    private static func port(of server: BuiltProgram.Running) async throws -> Int {
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            if let line = server.complained.split(separator: "\n").first(where: { $0.hasPrefix("Serving on ") }),
                let place = line.dropFirst("Serving on ".count).split(separator: " ").first,
                let port = place.split(separator: ":").last.flatMap({ Int($0.trimmingSuffix(".")) })
            {
                return port
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw NeverServed(errors: server.complained)
    }
}

extension Substring {
    fileprivate func trimmingSuffix(_ suffix: String) -> Substring { hasSuffix(suffix) ? dropLast(suffix.count) : self }
}
