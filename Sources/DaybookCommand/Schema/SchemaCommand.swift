import ArgumentParser

/// `daybook schema`: what the lock of an application's events says of a log, and to other languages.
struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Compare a log with the schema lock of its application; export the schemas.",
        discussion: """
            An application keeps the shapes of all events that it ever wrote in a committed file, its schema lock; a test of \
            its own writes and checks it (SchemaLockFile). These verbs need the lock alone, not the application.

            EXAMPLES
              daybook schema verify shop.db --lock schema.lock.json
              daybook schema export --lock schema.lock.json > shop.schema.json
            """,
        subcommands: [SchemaVerify.self, SchemaExport.self])
}
