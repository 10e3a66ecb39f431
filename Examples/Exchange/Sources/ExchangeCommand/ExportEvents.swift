import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct ExportEvents: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the exchange's events for other programs, in the versions that these understand.",
        discussion: """
            One JSON object a line. Events are given as they are written today, whatever version they were recorded in; \
            with --lower, events of a type in an older version, for a program that has not moved on. An event that the older \
            version cannot express ends the export with exit code 2, and is not left out; nor is one of a type that this \
            program does not know.

            'daybook export' prints what was recorded, byte by byte.

            EXAMPLES
              exchange export-events --store day.daybook > events.ndjson
              exchange export-events --lower book.opened=1 --store day.daybook > events.ndjson
            """)

    /// The newest version of a type that a reader knows: `book.opened=1`.
    struct KnownVersion: ExpressibleByArgument {
        var type: EventType
        var version: UInt32

        init?(argument: String) {
            let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let type = EventType(rawValue: String(parts[0])),
                let version = UInt32(parts[1]), version > 0
            else { return nil }
            self.type = type
            self.version = version
        }
    }

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("The newest version that the reader knows; may be repeated.", valueName: "type=version"))
    var lower: [KnownVersion] = []

    @Option(help: "Print the events behind this position.")
    var after: Int64 = 0

    func validate() throws { try Self.check(lower) }

    /// Refuses types that the exchange does not write, and versions that there are not.
    static func check(_ lower: [KnownVersion]) throws {
        guard !lower.isEmpty else { return }
        let current = try EventExport.currentVersions()
        for known in lower {
            guard let version = current[known.type] else {
                throw ValidationError(
                    "--lower names '\(known.type)', which the exchange does not write: give one of its event types, such as "
                        + "book.opened.")
            }
            guard known.version <= version else {
                throw ValidationError(
                    "--lower asks for version \(known.version) of '\(known.type)', which is written in version "
                        + "\(version): give 1 to \(version).")
            }
        }
    }

    func run() async throws {
        let versions = Dictionary(lower.map { ($0.type, $0.version) }, uniquingKeysWith: { $1 })
        let export = EventExport(versions: versions)
        try await store.withStore(creates: false) { store in
            for try await recorded in store.events(from: .after(Position(after))) {
                let events: [EncodedEvent]
                do { events = try export.events(of: recorded) } catch {
                    throw CommandFailure(.damageFound, "\(error) The export ends before it; go on with --after.")
                }
                for event in events { try StandardOutput.write(Self.line(event, recorded)) }
            }
        }
    }

    private static func line(_ event: EncodedEvent, _ recorded: RecordedEvent) throws -> String {
        let line: JSONValue = [
            "position": .integer(recorded.position.rawValue), "stream": .string(recorded.stream.rawValue),
            "version": .integer(recorded.version.rawValue), "recordedAt": .string("\(recorded.recordedAt)"),
            "type": .string(event.type.rawValue), "schemaVersion": .integer(Int64(event.schemaVersion)),
            "data": try JSONValue(parsing: event.data),
        ]
        return String(decoding: line.bytes, as: UTF8.self) + "\n"
    }
}
