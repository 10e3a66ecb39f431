import ArgumentParser
import Daybook

/// `daybook schema export`: the schemas of a lock as JSON Schema.
struct SchemaExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print the schemas of a lock as one document of JSON Schema, for other languages.",
        discussion: """
            The data of each event stands under $defs, by its type and version as in order.placed/1, with a sample.

            EXAMPLES
              daybook schema export --lock schema.lock.json --title Shop > shop.schema.json
            """)

    @OptionGroup var lock: SchemaLockArgument
    @Option(help: "Names the document.") var title = "Events"

    func run() async throws {
        let schema = EventSchema.jsonSchema(of: try lock.read().entries, title: title)
        try await StandardOutput.shared.write(schema.bytes + [UInt8(ascii: "\n")])
    }
}
