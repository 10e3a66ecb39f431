import ArgumentParser
import DaybookProtocol

/// `daybook subscriptions restart`.
struct SubscriptionsRestart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Drop the consumers of all groups, and begin anew behind the checkpoints.",
        discussion: """
            EXAMPLES
              daybook subscriptions restart --server daybook://shop.example:2113
            """)

    @OptionGroup var server: ServerArgument

    func run() async throws {
        #if Client
        try await server.ask { try await $0.restartGroups() }
        try await StandardOutput.shared.write("All groups have begun anew.\n")
        #else
        throw StoreAddress.withoutClient
        #endif
    }
}
