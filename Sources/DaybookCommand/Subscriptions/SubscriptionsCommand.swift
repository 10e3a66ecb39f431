import ArgumentParser

/// `daybook subscriptions`: the groups of consumers of KurrentDB's clients.
struct SubscriptionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscriptions",
        abstract: "Look after a server's persistent subscriptions: groups of consumers of KurrentDB's clients.",
        discussion: """
            A group reads a stream, or the whole log ('$all'), and gives each event to one of its consumers, which acknowledges \
            it. What a consumer cannot take is tried again, and then parked: set aside in a stream of its own, \
            $persistentsubscription-STREAM::GROUP-parked, until it is replayed. The group's checkpoint tells behind which event \
            it goes on after a restart of the server. Programs in Swift have groups of their own, which 'daybook health' tells of.

            Every user sees the groups; changing them is for members of $ops and $admins.

            EXAMPLES
              daybook subscriptions list --server daybook://shop.example:2113
              daybook subscriptions create --server daybook://shop.example:2113 order-1 mailer --from end
              daybook subscriptions create --server daybook://shop.example:2113 '$all' audit --type-prefix Order
              daybook subscriptions info --server daybook://shop.example:2113 order-1 mailer --json
              daybook subscriptions replay-parked --server daybook://shop.example:2113 order-1 mailer
            """,
        subcommands: [
            SubscriptionsList.self, SubscriptionsInfo.self, SubscriptionsCreate.self, SubscriptionsUpdate.self,
            SubscriptionsDelete.self, SubscriptionsReplayParked.self, SubscriptionsRestart.self,
        ])
}
