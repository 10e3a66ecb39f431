import ArgumentParser
import DaybookProtocol

/// `daybook subscriptions update`.
struct SubscriptionsUpdate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Change settings of a group; all others stay as they are.",
        discussion: """
            The group's consumers are dropped, and come back; it goes on behind its checkpoint. A filter cannot be changed: \
            make another group.

            EXAMPLES
              daybook subscriptions update --server daybook://shop.example:2113 order-1 mailer --message-timeout 60000
            """)

    @OptionGroup var server: ServerArgument
    @OptionGroup var group: GroupArgument
    @OptionGroup var settings: GroupSettingsOptions

    func validate() throws {
        guard settings.change != GroupChange() else { throw ValidationError("Name a setting to change.") }
    }

    func run() async throws {
        #if Client
        try await server.ask { try await $0.updateGroup(group.reference, settings.change) }
        try await StandardOutput.shared.write("Changed the group '\(group.group)' of \(group.stream).\n")
        #else
        throw StoreAddress.withoutClient
        #endif
    }
}
