import ArgumentParser
import DaybookProtocol

/// `daybook subscriptions delete`.
struct SubscriptionsDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a group, its checkpoint, and what it has parked.",
        discussion: """
            Its consumers are dropped. The events themselves stay.

            EXAMPLES
              daybook subscriptions delete --server daybook://shop.example:2113 order-1 mailer
            """)

    @OptionGroup var server: ServerArgument
    @OptionGroup var group: GroupArgument

    func run() async throws {
        #if Client
        try await server.ask { try await $0.deleteGroup(group.reference) }
        try await StandardOutput.shared.write("Deleted the group '\(group.group)' of \(group.stream).\n")
        #else
        throw StoreAddress.withoutClient
        #endif
    }
}
