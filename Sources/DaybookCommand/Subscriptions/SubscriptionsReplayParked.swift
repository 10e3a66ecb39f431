import ArgumentParser
import DaybookProtocol

/// `daybook subscriptions replay-parked`.
struct SubscriptionsReplayParked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay-parked",
        abstract: "Give the consumers of a group the events that were parked once more.",
        discussion: """
            They come before what is new, and are parked again when they still cannot be taken.

            EXAMPLES
              daybook subscriptions replay-parked --server daybook://shop.example:2113 order-1 mailer
              daybook subscriptions replay-parked --server daybook://shop.example:2113 order-1 mailer --until 10
            """)

    @OptionGroup var server: ServerArgument
    @OptionGroup var group: GroupArgument
    @Option(help: "The first that is to stay, by its version in the stream of parked events.") var until: Int64?

    func validate() throws {
        if let until, until < 0 { throw ValidationError("Versions begin at 0; --until is \(until).") }
    }

    func run() async throws {
        #if Client
        try await server.ask { try await $0.replayParked(group.reference, until: until) }
        try await StandardOutput.shared.write(
            "The parked events of the group '\(group.group)' of \(group.stream) are given out again.\n")
        #else
        throw StoreAddress.withoutClient
        #endif
    }
}
