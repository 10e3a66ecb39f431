import ArgumentParser
import DaybookProtocol

/// `daybook subscriptions info`.
struct SubscriptionsInfo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show a group: its settings, how it stands, and its consumers.",
        discussion: """
            EXAMPLES
              daybook subscriptions info --server daybook://shop.example:2113 order-1 mailer
            """)

    @OptionGroup var server: ServerArgument
    @OptionGroup var group: GroupArgument
    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        #if Client
        let found = try await server.ask { try await $0.group(group.reference) }
        try await StandardOutput.shared.write(
            json ? found.line(withConsumers: true) : Array(Self.text(found).utf8))
        #else
        throw StoreAddress.withoutClient
        #endif
    }

    private static func text(_ group: GroupDescription) -> String {
        var figures = Table([.init(title: "FIGURE"), .init(title: "VALUE")])
        var text = figures.text(of: rows(group))
        guard !group.consumers.isEmpty else { return text }
        var consumers = Table([
            .init(title: "CONSUMER"), .init(title: "USER"), .init(title: "DELIVERED", alignment: .right),
            .init(title: "IN FLIGHT", alignment: .right), .init(title: "ROOM", alignment: .right),
        ])
        text += "\n"
        text += consumers.text(
            of: group.consumers.map {
                [$0.name, $0.user, $0.delivered.grouped, $0.inFlight.grouped, $0.room.grouped]
            })
        return text
    }

    private static func rows(_ group: GroupDescription) -> [[String]] {
        let settings = group.settings
        var rows = [
            ["stream", group.name.stream], ["group", group.name.group], ["status", group.status],
            ["checkpoint", group.checkpoint], ["last read", group.lastRead],
            ["consumers", group.consumerCount.grouped], ["waiting", group.waiting.grouped],
            ["in flight", group.inFlight.grouped], ["retrying", group.retrying.grouped],
            ["parked", group.parked.grouped], ["delivered", group.delivered.grouped],
            ["delivered a second", group.perSecond.grouped], ["starts from", GroupStart.word(for: group.startsFrom)],
            ["strategy", settings.strategy ?? ""],
            ["message timeout", "\((settings.messageTimeout ?? 0).grouped) ms"],
            ["most retries", (settings.maxRetryCount ?? 0).grouped],
            [
                "most consumers",
                (settings.maxSubscriberCount ?? 0) == 0 ? "any number" : shown(settings.maxSubscriberCount),
            ],
            ["checkpoint after", "\((settings.checkpointAfter ?? 0).grouped) ms"],
            [
                "checkpoint after events",
                "\(shown(settings.minCheckpointCount)) to \(shown(settings.maxCheckpointCount))",
            ],
            ["live buffer", shown(settings.liveBufferSize)], ["history buffer", shown(settings.historyBufferSize)],
            ["read batch", shown(settings.readBatchSize)],
            ["resolves links", settings.resolvesLinks == true ? "yes" : "no"],
            ["measures times", settings.measuresTimes == true ? "yes" : "no"],
        ]
        if let filter = group.filter { rows.append(["filter", filter.shown]) }
        return rows
    }

    private static func shown(_ number: Int64?) -> String { (number ?? 0).grouped }
}
