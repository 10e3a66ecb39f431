import Daybook
import Foundation
import Testing

/// The committed file in which an application locks the schemas of its events, and the test that keeps it.
///
/// ```swift
/// @Test("Events that are recorded can be read by this program")
/// func schemas() throws {
///     try SchemaLockFile("schema.lock.json").check([
///         SchemaSource(AccountEvent.self), SchemaSource(TradeEvent.self),
///     ])
/// }
/// ```
///
/// The test fails when an event changed so that recorded ones cannot be read, and says what to write. What is new and
/// does no harm is taken into the file when the test runs with `DAYBOOK_SCHEMA_LOCK=write` in its environment; until
/// then it fails too, so that no event is written by a program that its lock does not know.
public struct SchemaLockFile: Sendable {
    public let path: String

    /// - Parameter path: Relative to the folder of the source file that names it.
    public init(_ path: String, in file: String = #filePath) {
        self.path = URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: file).deletingLastPathComponent()).path
    }

    /// Compares the file with the application's enums, and records an issue of the running test for each difference.
    ///
    /// - Parameters:
    ///   - sources: All enums of events of the application.
    ///   - boundaries: All its boundary deciders: an event of theirs that a boundary does not take in is an issue too.
    ///   - isWriting: Takes in what is new, unless something is wrong.
    /// - Throws: An error of reading or writing the file.
    public func check(
        _ sources: [SchemaSource], boundaries: [SchemaBoundary] = [],
        isWriting: Bool = ProcessInfo.processInfo.environment["DAYBOOK_SCHEMA_LOCK"] == "write",
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var lock = SchemaLock()
        if FileManager.default.fileExists(atPath: path) {
            lock = try SchemaLock(parsing: Data(contentsOf: URL(fileURLWithPath: path)))
        }
        let findings = lock.findings(for: sources)
        let wrong =
            findings.filter { !$0.isAcceptable }.map(\.description) + boundaries.flatMap { $0.findings(for: sources) }
        for finding in wrong { Issue.record(Comment(rawValue: finding), sourceLocation: sourceLocation) }
        guard wrong.isEmpty, !findings.isEmpty else { return }
        if isWriting {
            lock.accept(sources)
            try Data(lock.text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } else {
            for finding in findings {
                Issue.record(
                    "\(finding.description) Run the test with DAYBOOK_SCHEMA_LOCK=write to lock it in \(path).",
                    sourceLocation: sourceLocation)
            }
        }
    }
}
