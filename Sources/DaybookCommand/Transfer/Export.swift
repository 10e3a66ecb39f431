import ArgumentParser
import DaybookCore
import Foundation

/// `daybook export`: the whole log as lines of JSON.
struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the whole log as lines of JSON, which 'import' takes back.",
        discussion: """
            Every event is one line, in the order of the log, also those that retention hides, and the deletions and \
            retentions themselves. Data and metadata are kept byte for byte. Command identifiers are not in an export: to \
            keep those too, copy the file itself.

            EXAMPLES
              daybook export shop.db --output shop.ndjson
              daybook export shop.db | gzip > shop.ndjson.gz
            """)

    @OptionGroup var store: StoreArgument
    @Option(help: "Write to this file, which is there only when it is whole.", completion: .file())
    var output: String?

    func run() async throws {
        try await store.withStore { store in
            let bar = ProgressBar(
                "Exporting", unit: "events",
                isEnabled: StandardError.isTerminal && (output != nil || !Terminal.isOutput))
            defer { bar.finish() }
            let export = LogExport(store: store)
            let progress: (Position, Position) -> Void = { bar.update(done: $0.rawValue, total: $1.rawValue) }
            guard let output else {
                _ = try await export.run(progress: progress) { try await StandardOutput.shared.write($0) }
                return
            }
            let file = try OutputFile(path: output)
            let count = try await export.run(progress: progress) { try await file.output.write($0) }
            try file.finish()
            bar.finish()
            StandardError.line("\(count.grouped) events written to \(output)")
        }
    }
}

/// A file that appears under its name only when it is whole and durable.
private struct OutputFile: ~Copyable {
    let path: String
    private let partial: String
    private let descriptor: Int32
    let output: StandardOutput

    init(path: String) throws {
        self.path = path
        partial = path + ".partial"
        descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        output = StandardOutput(descriptor: descriptor)
        guard descriptor >= 0 else {
            throw CommandFailure(
                .cannotCreate,
                "The file '\(partial)' cannot be created (\(String(cString: strerror(errno)))): check its folder.")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func finish() throws {
        guard fsync(descriptor) == 0, rename(partial, path) == 0 else {
            throw CommandFailure(
                .inputOutput, "The file '\(path)' cannot be finished (\(String(cString: strerror(errno)))).")
        }
    }
}
