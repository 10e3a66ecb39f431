import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Parked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Lists what the clearing and the read models could not do, and does it again when the cause is mended.",
        discussion: """
            A command to an account that fails again and again, an order whose hold is gone, an execution that cannot be \
            confirmed: each stops its own trade, order or book, and no other. It is listed with its key, why it failed, and \
            how much waits behind it.

            So does an event that a read model cannot take: the account or book that it belongs to stays in that model as it \
            was before, and its key begins with the model's name. The models are brought up to date by 'exchange accounts'.

            --replay does what is parked under a key again, then what waits behind it, and what follows. What fails anew is \
            parked again, and the exit code is 1.

            EXAMPLE
              exchange parked --store market.daybook
              exchange parked --replay 'clearing-ALDER#2' --store market.daybook
              exchange parked --replay cash-balances/T017 --store market.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("Do again what is parked under this key.", valueName: "key"))
    var replay: String?

    @Flag(help: "Print one JSON object a line, one for each.")
    var json = false

    func run() async throws {
        try await store.withStore(creates: false) { store in
            // Whoever has the file open is the only one to run under this name.
            let house = ClearingHouse(in: store, models: store, member: "exchange")
            let models = try await MarketReadModels(of: store, in: store)
            if let replay, replay.contains("/") {  // No key of the clearing has one.
                try await models.replay(replay)
            } else if let replay {
                try await house.replay(replay)
                try await house.catchUp()
            }
            let (work, documents) = (try await house.parked(), try await models.parked())
            try show(work, documents)
            let reasons = work.map { ($0.key, $0.reason) } + documents.map { ($0.key, $0.reason) }
            if let (key, reason) = reasons.first(where: { $0.0 == replay }) {
                throw CommandFailure(.refused, "'\(key)' has stopped again: \(reason)")
            }
        }
    }

    private func show(_ work: [ParkedWork], _ documents: [ParkedDocument]) throws {
        if json {
            for work in work { try StandardOutput.json(work) }
            for document in documents { try StandardOutput.json(DocumentLine(document)) }
            return
        }
        if work.isEmpty && documents.isEmpty { try StandardOutput.line("Nothing is parked.") }
        if !work.isEmpty { try StandardOutput.write(Self.table(work)) }
        if !work.isEmpty && !documents.isEmpty { try StandardOutput.line() }
        if !documents.isEmpty { try StandardOutput.write(Self.table(documents)) }
    }

    private static func table(_ documents: [ParkedDocument]) -> String {
        var table = Table(["KEY", ">POSITION", "EVENT", "WHY"])
        for document in documents {
            table.add([document.key, "\(document.position)", document.event, document.reason])
        }
        return table.text
    }

    private static func table(_ work: [ParkedWork]) -> String {
        var table = Table(["KEY", "KIND", "WHAT", "WHY", ">TRIES", ">WAITING", "EVENT", "PARKED"])
        for work in work {
            table.add([
                work.key, work.kind.rawValue, work.what, work.reason, work.tries.grouped, work.waiting.grouped,
                work.event, "\(work.parkedAt)",
            ])
        }
        return table.text
    }
}

/// A document that has stopped, for programs.
private struct DocumentLine: Encodable {
    var kind = "document"
    var key: String
    var event: String
    var position: Position
    var reason: String

    init(_ document: ParkedDocument) {
        key = document.key
        event = document.event
        position = document.position
        reason = document.reason
    }
}
