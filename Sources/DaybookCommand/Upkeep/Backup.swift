import ArgumentParser
import DaybookCore
import DaybookSQLite
import Foundation

/// `daybook backup`: a whole, checked copy of a store, also while an application uses it.
struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy a store, also while an application has it open, and check the copy.",
        discussion: """
            The copy has every event acknowledged before, with read models and checkpoints of the same moment, and is a store \
            like any other: to restore it, stop the application, put the copy in the place of the store, and remove \
            FILE-wal and FILE-shm there.

            It is written beside the destination under another name, synced, read through, and then moved to its place: \
            whatever stops a backup, the destination is as it was. A store that is damaged is not copied; the exit code is \
            then 2. Appends go on meanwhile, but the write-ahead log is not emptied until the copy is made.

            A server writes the copy on its own machine, into the folder that 'daybook serve --backup-folder' names: the \
            destination is then the name of a file. For a copy here, 'daybook copy --from daybook://… --to file:PATH' brings the \
            log, without what is derived from it.

            EXAMPLES
              daybook backup shop.db /backups/shop-2026-11-25.db
              daybook backup shop.db /backups/shop.db --replace --json
              daybook backup --server daybook://shop.example:2113 shop-2026-11-25.db
            """)

    @OptionGroup var store: StoreArgument
    @Argument(help: ArgumentHelp("Where the copy goes.", valueName: "destination"), completion: .file())
    var destination: String
    @Flag(help: "Replace the file at the destination, once the copy is whole.") var replace = false
    @Flag(help: "Do not read the copy through; the way to copy what is left of a damaged store.")
    var skipVerification = false
    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        let report = try await runUntilInterrupted { try await copy() }
        guard let report else {
            throw CommandFailure(.inputOutput, "The backup was stopped: \(destination) is as it was.")
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return try await StandardOutput.shared.write(Array(try encoder.encode(report)) + Array("\n".utf8))
        }
        let checked = report.eventsVerified.map { "\($0.grouped) events checked" } ?? "not checked"
        try await StandardOutput.shared.write(
            "Copied through position \(report.head) to \(report.destination): \(report.bytes.byteSize), \(checked).\n")
    }

    private func copy() async throws -> BackupReport {
        guard !store.isOnServer else {
            let task = UpkeepTask.Backup(to: destination, replaces: replace, verifies: !skipVerification)
            return try await store.upkeep(.backup(task), "Copying")
        }
        let path = try store.path()
        let copying = ProgressBar("Copying", unit: "bytes")
        let verifying = ProgressBar("Verifying", unit: "events")
        defer {
            copying.finish()
            verifying.finish()
        }
        try await putInOrder(path)
        do {
            return try await SQLiteEventStore.backup(
                ofFile: path, to: destination, replacing: replace, verifying: !skipVerification
            ) { progress in
                switch progress {
                case .copying(let bytes, let total): copying.update(done: bytes, total: total)
                case .verifying(let events, let total):
                    copying.finish()
                    verifying.update(done: events, total: total)
                }
            }
        } catch {
            if error == .cancelled { throw error }
            throw CommandFailure(error)
        }
    }

    /// A store that nobody has open is opened once, so that what its last process left is brought in order. It is not kept
    /// open, so that its application can start at any time.
    private func putInOrder(_ path: String) async throws(CommandFailure) {
        var configuration = SQLiteEventStore.Configuration()
        configuration.createsFile = false
        do {
            await (try SQLiteEventStore.open(path, configuration: configuration)).close()
        } catch {
            switch error {
            case .owned: break
            case .corrupted, .logTooShort: if !skipVerification { throw CommandFailure(error) }
            default: throw CommandFailure(error)
            }
        }
    }
}

extension CommandFailure {
    init(_ error: BackupError) {
        switch error {
        case .sourceUnusable(let error): self.init(error)
        case .destinationExists, .destinationHasWAL, .destinationIsSource:
            self.init(.cannotCreate, error.description)
        case .destinationInUse: self.init(.unavailable, error.description)
        case .damaged: self.init(.damageFound, error.description)
        case .noRoom, .sourceDiskFilled, .storageFailed, .closed, .cancelled:
            self.init(.inputOutput, error.description)
        }
    }
}
