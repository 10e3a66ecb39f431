import ArgumentParser
import Exchange

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tells an order's whole story: what, when, who, why, and caused by what.",
        discussion: """
            All events that concern the order are found by their tag, whatever their stream: those of its book, and those \
            of its owner's cash and holdings. 'because' names the event or message that directly caused a step: \
            '#1, cash-T017@42' is the first step of this story, version 42 of stream cash-T017, and \
            'lobster:AAPL:2012-06-21:17' is line 17 of an imported file.
            """)

    @Argument(help: "The order's number.")
    var order: Int64

    @OptionGroup var store: StoreOptions

    @Flag(help: "Print one JSON object a line, one for each event.")
    var json = false

    func run() async throws {
        try await store.withStore(creates: false) { store in
            let story = try await OrderStory(of: OrderID(order), in: store)
            guard !story.steps.isEmpty else {
                throw CommandFailure(.nothingFound, "No event in this store concerns order \(order): check the number.")
            }
            if json {
                for step in story.steps { try StandardOutput.json(step) }
            } else {
                try StandardOutput.line("Order \(order)")
                try StandardOutput.write(Tables.story(story))
            }
        }
    }
}
