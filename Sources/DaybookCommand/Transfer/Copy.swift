import ArgumentParser
import DaybookCore
import DaybookProtocol

/// `daybook copy`: a whole log from one store to another.
struct Copy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy a whole log to another store, and compare the two.",
        discussion: """
            The new store has the same events at the same positions and versions, with the same identifiers and times, the \
            same retentions and deletions, and answers the same commands with the same results: an application goes on with \
            it by opening that one instead.

            To move an application, copy while it runs, stop it, and copy once more: only what is new is copied. A file has \
            one owner: copy a 'daybook backup' of it while the application runs, stop it, and copy the file itself to the \
            same target.

            Checkpoints, snapshots and read models are not copied. Projections make theirs anew. What publishers, consumer \
            groups and receivers know is in read models as well: in the new store everything is published and handled again, \
            what was parked or skipped is forgotten, and what a receiver had set aside is lost. So first settle what \
            'parked()' of each of them names. When the application is stopped, note their positions by 'daybook health', \
            and open each publisher and group in the new store with 'startingAfter:' its own.

            A store on JetStream gives positions of its own. A copy to or from it has the same events in the same order at \
            other positions; the results of commands name those. Positions that were noted elsewhere (by 'daybook health', \
            checkpoints of other programs, numbers in reports) mean nothing in the copy: an event is found there by its \
            stream and version.

            The target is empty, or the beginning of the source's log: a copy that was interrupted is begun again by the \
            same command, and goes on where it stopped. A log whose events were scavenged cannot be copied; back up its file.

            Copies from a server and to one are for its admins, and take its users along. Where the two ends are servers with \
            different users, say who asks in the addresses: daybook://USER:PASSWORD@HOST:PORT.

            EXAMPLES
              daybook copy --from shop.db --to shop-2.db
              daybook copy --from daybook://shop.example:2113 --to shop-2.db --user ada
              daybook copy --from shop.db --to postgres://shop@db1,db2/shop
              daybook copy --from shop.db --to jetstream://n1:4222,n2:4222,n3:4222/shop
            """)

    @Option(
        help: ArgumentHelp("The store to copy: the path of a file, or \(StoreAddress.help).", valueName: "store"),
        completion: .file(), transform: StoreAddress.init(orBarePath:)
    )
    var from: StoreAddress
    @Option(
        help: ArgumentHelp("The store that takes the log; made when it is not there.", valueName: "store"),
        completion: .file(), transform: StoreAddress.init(orBarePath:))
    var to: StoreAddress
    @OptionGroup var options: ServerOptions
    @Flag(inversion: .prefixedNo, help: "Compare every event and every command's result afterwards.")
    var compare = true

    func validate() throws {
        guard from.label != to.label else {
            throw ValidationError("'\(from)' and '\(to)' are one store; name another to copy to.")
        }
    }

    func run() async throws {
        try await from.withStore(creates: false, login: options.login) { source in
            try await to.withStore(creates: true, login: options.login) { target in
                do {
                    let copy = LogCopy(from: source, to: target)
                    if copy.changesPositions {
                        StandardError.line(
                            "Positions change: \(source.keepsPositions ? to : from) gives positions of its own, so that the "
                                + "events stand in the same order at others. Checkpoints that were saved for the one store "
                                + "mean nothing in the other.")
                    }
                    let end = try await show("Copying") { try await copy.run(progress: $0) }
                    StandardError.line(
                        "\(end.events.grouped) events and \(end.commands.grouped) commands were copied; "
                            + "\(to) has all up to position \(end.position.rawValue.grouped) of \(from)")
                    guard compare else { return }
                    let compared = try await show("Comparing") {
                        try await copy.compare(through: end.position, progress: $0)
                    }
                    StandardError.line(
                        copy.changesPositions
                            ? "The two logs are the same, but for positions: \(compared.events.grouped) events and "
                                + "\(compared.commands.grouped) commands were compared"
                            : "The two logs are the same up to position \(compared.position.rawValue.grouped)")
                } catch let error as LogCopyError {
                    throw CommandFailure(error)
                }
            }
        }
    }

    private func show<Result>(
        _ title: String, _ body: (@Sendable @escaping (LogCopy.Progress) async -> Void) async throws -> Result
    ) async throws -> Result {
        let bar = ProgressBar(title, unit: "events")
        defer { bar.finish() }
        return try await body { bar.update(done: $0.position.rawValue, total: $0.head.rawValue) }
    }
}

extension CommandFailure {
    init(_ error: LogCopyError) {
        switch error {
        case .read(let error): self.init(error)
        case .storageFailed(let reason, mayBeWritten: false) where AccessRefusal.isTold(by: reason):
            self.init(denial: reason)
        case .storageFailed, .cancelled, .closed: self.init(.inputOutput, error.description)
        default: self.init(.refused, error.description)
        }
    }
}
