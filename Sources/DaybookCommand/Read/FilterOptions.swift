import ArgumentParser
import DaybookCore

/// Which events a verb looks at.
struct FilterOptions: ParsableArguments {
    @Option(help: "Only this stream.") var stream: String?
    @Option(name: .customLong("category"), help: "Only streams of this category; may be repeated.")
    var categories: [String] = []
    @Option(name: .customLong("stream-prefix"), help: "Only streams whose names begin so; may be repeated.")
    var streamPrefixes: [String] = []
    @Option(name: .customLong("type"), help: "Only events of this type; may be repeated.") var types: [String] = []
    @Option(name: .customLong("type-prefix"), help: "Only types that begin so; may be repeated.")
    var typePrefixes: [String] = []
    @Option(name: .customLong("tag"), help: "Only events with this tag; when repeated, with all of them.")
    var tags: [String] = []
    @Flag(help: "Also the store's own events: retentions and deletions of streams.") var control = false

    func streamName() throws -> StreamName? {
        do { return try stream.map { try StreamName($0) } } catch let error as InvalidName {
            throw CommandFailure(.usage, error.description)
        }
    }

    func filter() throws -> EventFilter {
        do {
            return EventFilter(
                categories: Set(try categories.map { try Category($0) }), streamPrefixes: Set(streamPrefixes),
                types: Set(try types.map { try EventType($0) }), typePrefixes: Set(typePrefixes),
                tags: Set(try tags.map { try Tag($0) }),
                includesControlEvents: control || (stream?.hasPrefix(StreamName.controlPrefix) ?? false))
        } catch let error as InvalidName {
            throw CommandFailure(.usage, error.description)
        }
    }
}
