import ArgumentParser
import DaybookProtocol

/// `daybook subscriptions list`.
struct SubscriptionsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the groups: how they stand, how far they are, and what they have parked.",
        discussion: """
            A checkpoint is the version of the stream, or C:…/P:… with the position in the log.

            EXAMPLES
              daybook subscriptions list --server daybook://shop.example:2113
              daybook subscriptions list --server daybook://shop.example:2113 --stream '$all' --json
            """)

    @OptionGroup var server: ServerArgument
    @Option(help: "Only the groups of this stream, or of '$all'.") var stream: String?
    @Flag(help: "One line of JSON a group.") var json = false

    func run() async throws {
        #if Client
        let groups = try await server.ask { try await $0.groups(of: stream) }
        try await StandardOutput.shared.write(
            json ? groups.flatMap { $0.line(withConsumers: false) } : Array(Self.text(groups).utf8))
        #else
        throw StoreAddress.withoutClient
        #endif
    }

    private static func text(_ groups: [GroupDescription]) -> String {
        var table = Table([
            .init(title: "STREAM"), .init(title: "GROUP"), .init(title: "CONSUMERS", alignment: .right),
            .init(title: "IN FLIGHT", alignment: .right), .init(title: "PARKED", alignment: .right),
            .init(title: "CHECKPOINT", alignment: .right), .init(title: "LAST READ", alignment: .right),
            .init(title: "STATUS"),
        ])
        return table.text(
            of: groups.map { group in
                [
                    group.name.stream, group.name.group, group.consumerCount.grouped, group.inFlight.grouped,
                    group.parked.grouped, group.checkpoint, group.lastRead, group.status,
                ]
            })
    }
}
