import ArgumentParser
import Daybook
import Foundation

/// The schema lock that a verb reads.
struct SchemaLockArgument: ParsableArguments {
    @Option(help: ArgumentHelp("The application's schema lock.", valueName: "file"), completion: .file())
    var lock: String

    func read() throws(CommandFailure) -> SchemaLock {
        guard FileManager.default.fileExists(atPath: lock) else {
            throw CommandFailure(.missingFile, "There is no file '\(lock)'.")
        }
        let data: Data
        do { data = try Data(contentsOf: URL(fileURLWithPath: lock)) } catch {
            throw CommandFailure(.inputOutput, "'\(lock)' cannot be read: \(error.localizedDescription)")
        }
        do { return try SchemaLock(parsing: data) } catch {
            throw CommandFailure(.malformedInput, "'\(lock)': \(error)")
        }
    }
}
