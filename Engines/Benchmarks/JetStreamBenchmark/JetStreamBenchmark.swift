import Foundation

/// Compares the store with bare loops over libnats, on the same servers, in one run.
@main
enum JetStreamBenchmark {
    static func main() async throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        func option(_ name: String) -> String? {
            guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
            defer { arguments.removeSubrange(index...index + 1) }
            return arguments[index + 1]
        }
        let replicas = option("--replicas").flatMap { Int($0) } ?? 1
        let monitors = option("--monitors")
        let seconds = option("--seconds").flatMap { Double($0) } ?? 3
        let events = option("--events").flatMap { Int($0) } ?? 100_000
        let only = option("--only") ?? ""
        guard let urls = arguments.first, !urls.hasPrefix("-") else {
            print(
                """
                usage: JetStreamBenchmark URLS [--replicas N] [--monitors URLS] [--seconds S] [--events N] [--only TEXT]
                --only: what has this text in its name, such as 'publish'
                """)
            exit(2)
        }
        try await Comparison(
            urls: urls, replicas: replicas, monitors: monitors, seconds: seconds, events: events, only: only
        ).run()
    }
}
