import ArgumentParser
import DaybookCore

/// `daybook streams`: the names of streams, and how they stand.
struct Streams: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the streams, in the order in which they came into being.",
        discussion: """
            EXAMPLES
              daybook streams shop.db --limit 50
              daybook streams shop.db --category order --json
            """)

    @OptionGroup var store: StoreArgument
    @Option(help: "Only streams of this category.") var category: String?
    @Option(help: "Go on behind this stream.") var after: String?
    @Option(help: "At most so many.") var limit: Int?
    @Flag(help: "One line of JSON a stream.") var json = false

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit): ask for at least 1.") }
        do { _ = try category.map { try Category($0) } } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        let first: StreamName?
        do { first = try after.map { try StreamName($0) } } catch let error as InvalidName {
            throw CommandFailure(.usage, error.description)
        }
        try await store.withStore { store in
            var table = Table([
                .init(title: "STREAM"), .init(title: "STATUS"), .init(title: "VERSION", alignment: .right),
                .init(title: "RETENTION"),
            ])
            var rest = limit ?? .max
            var last = first
            while rest > 0 {
                let names = try await store.streams(after: last, limit: 1000)
                guard let end = names.last else { return }
                last = end
                var chosen: [(StreamName, StreamState)] = []
                for name in names where rest > 0 && (category == nil || name.category.rawValue == category) {
                    chosen.append((name, try await store.state(of: name)))
                    rest -= 1
                }
                guard !chosen.isEmpty else { continue }
                try await StandardOutput.shared.write(
                    json ? chosen.flatMap(Self.line) : Array(table.text(of: chosen.map(Self.row)).utf8))
            }
        }
    }

    private static func line(_ name: StreamName, _ state: StreamState) -> [UInt8] {
        var line = JSONLine()
        line.add("stream", name.rawValue)
        line.add("status", state.status.rawValue)
        if let version = state.lastVersion { line.add("version", version.rawValue) } else { line.addNull("version") }
        if let count = state.retention.maxCount { line.add("maxCount", count) }
        if let age = state.retention.maxAge { line.add("maxAgeSeconds", age / .seconds(1), decimals: 6) }
        if let version = state.retention.truncateBefore { line.add("truncateBefore", version.rawValue) }
        return line.finished()
    }

    private static func row(_ name: StreamName, _ state: StreamState) -> [String] {
        var bounds: [String] = []
        if let count = state.retention.maxCount { bounds.append("last \(count.grouped)") }
        if let age = state.retention.maxAge { bounds.append("for \(age)") }
        if let version = state.retention.truncateBefore { bounds.append("from version \(version)") }
        return [
            name.rawValue, state.status.rawValue, state.lastVersion?.description ?? "none",
            bounds.isEmpty ? "all" : bounds.joined(separator: ", "),
        ]
    }
}
