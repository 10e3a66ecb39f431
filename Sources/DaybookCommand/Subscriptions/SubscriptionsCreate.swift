import ArgumentParser
import DaybookProtocol

/// `daybook subscriptions create`.
struct SubscriptionsCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a group of consumers of a stream, or of the whole log.",
        discussion: """
            A group of '$all' may be given a part of the log: by prefixes of streams or of types, or by a regular expression.

            Where nothing else is said, a group begins at the start, by RoundRobin, with a message timeout of 30,000 ms and \
            10 retries; its checkpoint is saved after 2,000 ms and 10 events, at the latest after 1,000 events; it holds 500 \
            events, and reads 20 at once. 'daybook subscriptions info' tells what holds.

            EXAMPLES
              daybook subscriptions create --server daybook://shop.example:2113 order-1 mailer --max-retries 5
              daybook subscriptions create --server daybook://shop.example:2113 '$all' audit --from end --type-prefix Order
              daybook subscriptions create --server daybook://shop.example:2113 '$ce-order' stock --resolve-links
            """)

    @OptionGroup var server: ServerArgument
    @OptionGroup var group: GroupArgument
    @OptionGroup var settings: GroupSettingsOptions
    @Option(name: .customLong("stream-prefix"), help: "Of '$all': only streams that begin so; may be repeated.")
    var streamPrefixes: [String] = []
    @Option(name: .customLong("type-prefix"), help: "Of '$all': only types that begin so; may be repeated.")
    var typePrefixes: [String] = []
    @Option(help: "Of '$all': only streams in whose names this regular expression is found.") var streamPattern: String?
    @Option(help: "Of '$all': only types in whose names this regular expression is found.") var typePattern: String?

    func validate() throws {
        let ways = [!streamPrefixes.isEmpty, !typePrefixes.isEmpty, streamPattern != nil, typePattern != nil]
        guard ways.filter({ $0 }).count <= 1 else {
            throw ValidationError("A group has one filter: by prefixes of streams, of types, or one pattern.")
        }
    }

    func run() async throws {
        #if Client
        try await server.ask { try await $0.createGroup(group.reference, settings.change, filter: filter) }
        try await StandardOutput.shared.write("Made the group '\(group.group)' of \(group.stream).\n")
        #else
        throw StoreAddress.withoutClient
        #endif
    }

    private var filter: GroupFilter? {
        if let typePattern { return GroupFilter(isOfTypes: true, pattern: typePattern, prefixes: []) }
        if let streamPattern { return GroupFilter(isOfTypes: false, pattern: streamPattern, prefixes: []) }
        if !typePrefixes.isEmpty { return GroupFilter(isOfTypes: true, pattern: "", prefixes: typePrefixes) }
        if !streamPrefixes.isEmpty { return GroupFilter(isOfTypes: false, pattern: "", prefixes: streamPrefixes) }
        return nil
    }
}
