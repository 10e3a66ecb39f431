import ArgumentParser
import Daybook
import DaybookCore
import Exchange
import Foundation

struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends the exchange's events to a file that other programs follow, each as a cloud event.",
        discussion: """
            One JSON object a line (CloudEvents 1.0), appended and synced before an event counts as sent. The next call goes \
            on where this one ended, also when it was killed: nothing is left out, the events of a stream are in order, and \
            one that is there twice has the same id. How far it has come is kept in the store, under --name: another name \
            sends everything anew.

            Events are sent as they are written today, whatever version they were recorded in; with --lower, events of a type \
            in an older version, for readers that have not moved on. An event that the older version cannot express stops its \
            own stream: it is listed, and the exit code is 1. --replay sends it again, and what waits behind it, when readers \
            know more, and need be given once; --skip leaves it out for good.

            The file must hold nothing else. When it cannot be written, as on a full disk, the command ends with exit code 73; \
            what was sent counts.

            EXAMPLES
              exchange publish --to events.ndjson --store day.daybook
              exchange publish --to slow.ndjson --name slow --lower book.opened=1 --store bonds.daybook
              exchange publish --to slow.ndjson --name slow --replay book-TREE --store bonds.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(name: .customLong("to"), help: ArgumentHelp("The file.", valueName: "file"))
    var path: String

    @Option(help: "The name under which it is kept how far it has come.")
    var name = "events"

    @Option(help: ArgumentHelp("The newest version that readers know; may be repeated.", valueName: "type=version"))
    var lower: [ExportEvents.KnownVersion] = []

    @Option(help: ArgumentHelp("Send again what stopped this stream.", valueName: "stream"))
    var replay: String?

    @Option(
        help: ArgumentHelp(
            "Leave the event at this position, which stopped its stream, out for good.", valueName: "position"))
    var skip: Int64?

    func validate() throws {
        try ExportEvents.check(lower)
        guard ConsumerGroupName(rawValue: name) != nil else {
            throw ValidationError("--name has \(name.utf8.count) bytes: give it 1 to 502.")
        }
        if let replay, StreamName(rawValue: replay) == nil {
            throw ValidationError("--replay is '\(replay)', which is no name of a stream.")
        }
    }

    func run() async throws {
        let versions = Dictionary(lower.map { ($0.type, $0.version) }, uniquingKeysWith: { $1 })
        try await store.withStore(creates: false) { store in
            let file = try EventFile(path, besides: self.store.path)
            let publisher = EventPublisher(
                try ConsumerGroupName(name), of: store,
                try EventExport.published(source: "/exchange", versions: versions), in: store, to: file)
            if let replay { try await publisher.replay(try StreamName(replay)) }
            if let skip { try await publisher.skip(Position(skip), reason: "left out by exchange publish --skip") }
            let sending = Task {
                // Whoever has the file open is the only one to run under this name.
                try await publisher.catchUp(as: ConsumerMemberName(unchecked: "exchange"))
            }
            // A publisher would try again for ever; here somebody waits for an answer.
            await file.whenProblem { sending.cancel() }
            let showing = Task { try await Self.show(publisher, in: store) }
            let result = await sending.result
            showing.cancel()
            _ = await showing.result
            try await file.check()
            let parked = try await publisher.parked()
            try show(parked)
            let position = try result.get()
            try StandardOutput.line("\(await file.count.grouped) events were sent, up to position \(position).")
            guard !parked.isEmpty else { return }
            throw CommandFailure(
                .refused, "Streams that have stopped: \(parked.count.grouped). See --replay and --skip.")
        }
    }

    /// Shows how far a publisher has come, until the task is cancelled.
    private static func show(_ publisher: EventPublisher, in store: any MarketStore) async throws {
        var bar = ProgressBar("Sending", unit: "positions")
        let head = Int(try await store.head().rawValue)
        while !Task.isCancelled {
            bar.update(done: Int(try await publisher.status().checkpoint.rawValue), total: head)
            try? await Task.sleep(for: .milliseconds(200))
        }
        bar.finish()
    }

    private func show(_ parked: [ParkedEvent]) throws {
        guard !parked.isEmpty else { return }
        var table = Table(["STREAM", ">POSITION", ">WAITING", "WHY"])
        for event in parked {
            table.add([event.key.rawValue, "\(event.position)", event.waiting.grouped, event.reason])
        }
        try StandardOutput.write(table.text)
    }
}
