import ArgumentParser
import DaybookCore
import Exchange

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Records a file of real order flow, message by message.",
        discussion: """
            The file is in the format of LOBSTER (lobsterdata.com): lines of time,type,order_id,size,price,direction, \
            plain or compressed (.gz). The seed is an order book file of the same day, of which the first row is read: the \
            book after the first message. The package's README describes both.

            Each message becomes one command and one event, recorded as the venue reported it: an execution names the \
            resting order, and is not matched again. An import that was interrupted is gone on with by running it again; \
            what is recorded already is not recorded twice.

            The symbol and the date are taken from the name of the file (AAPL_2012-06-21_...) unless they are given.
            """)

    @Option(help: ArgumentHelp("The message file.", valueName: "messages"))
    var lobster: String

    @Option(help: ArgumentHelp("The order book file whose first row seeds the book.", valueName: "seed"))
    var seedBook: String

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("Write the best bid and ask after each message to this CSV file.", valueName: "out.csv"))
    var export: String?

    @Option(help: "The instrument's symbol.")
    var instrument: String?

    @Option(help: "The trading day, as 2012-06-21.")
    var session: String?

    @Option(
        help: """
            What the venue's clock is ahead of UTC, as -04:00. By default the file's times of day are taken as UTC, so \
            that 09:45 on the venue's clock is asked for as 09:45:00Z.
            """)
    var utcOffset = "+00:00"

    @Flag(help: "Report bad lines and pass over them, rather than stop at the first.")
    var skipBadLines = false

    @Flag(help: "Print the summary as one JSON object.")
    var json = false

    func validate() throws { _ = try configuration() }

    private func configuration() throws -> LobsterImport.Configuration {
        let parts = (lobster.split(separator: "/").last ?? "").split(separator: "_")
        let symbol = instrument ?? parts.first.map(String.init) ?? ""
        guard let instrument = Instrument(symbol) else {
            throw ValidationError("'\(symbol)' is no symbol: give one with --instrument.")
        }
        let day = session ?? (parts.count > 1 ? String(parts[1]) : "")
        guard day.utf8.count == 10, Timestamp(day) != nil else {
            throw ValidationError("'\(day)' is no date: give the trading day with --session, as 2012-06-21.")
        }
        // An offset is what a time that has it differs from the same time without.
        guard let utc = Timestamp("2000-01-01T00:00:00Z"), let shifted = Timestamp("2000-01-01T00:00:00\(utcOffset)")
        else { throw ValidationError("'\(utcOffset)' is no offset: give --utc-offset as -04:00.") }
        var configuration = LobsterImport.Configuration(
            instrument: instrument, session: Session(rawValue: day))
        configuration.utcOffset = .microseconds(utc.microseconds - shifted.microseconds)
        configuration.skipsBadLines = skipBadLines
        return configuration
    }

    func run() async throws {
        let configuration = try configuration()
        guard try LineFile(path: lobster).path == lobster, try LineFile(path: seedBook).path == seedBook else { return }
        try await store.withStore(creates: true) { store in
            let start = ContinuousClock.now
            var bar = ProgressBar("Recording", unit: "messages")
            var shown = 0
            let total = try Self.lines(of: lobster)
            let summary: LobsterImport.Summary
            do {
                summary = try await LobsterImport(configuration, into: store).run(
                    messages: lobster, seedBook: seedBook,
                    onBadLine: { bad in
                        shown += 1
                        if shown <= Self.badLinesShown {
                            StandardError.line("Line \(bad.line) of '\(lobster)' is skipped: \(bad.reason).")
                        } else if shown == Self.badLinesShown + 1 {
                            StandardError.line("Further bad lines are counted.")
                        }
                    },
                    onProgress: { bar.update(done: $0.lines, total: total) })
            } catch let error as LobsterImportError {
                bar.finish()
                if case .badLine(lobster, _, _) = error {
                    throw CommandFailure(
                        .malformedInput,
                        "\(error) The messages before it are recorded up to the last batch. Mend the file, or pass over "
                            + "bad lines with --skip-bad-lines, and run the import again: it goes on where it stopped.")
                }
                throw error
            }
            bar.finish()
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            var rows: Int?
            if let export {
                rows = try await QuoteExport(from: store).write(
                    configuration.instrument, configuration.session, to: export)
            }
            try report(summary, rows: rows, seconds: seconds, of: configuration)
        }
    }

    /// The bad lines that are told one by one.
    private static let badLinesShown = 20

    private static func lines(of path: String) throws -> Int {
        var file = try LineFile(path: path)
        while try file.next() != nil {}
        return file.lineNumber
    }

    private func report(
        _ summary: LobsterImport.Summary, rows: Int?, seconds: Double, of configuration: LobsterImport.Configuration
    ) throws {
        if json {
            try StandardOutput.json(ImportDocument(summary: summary, exportedRows: rows, seconds: seconds))
            return
        }
        try StandardOutput.line(
            "\(configuration.instrument) \(configuration.session): \(summary.recorded.grouped) of "
                + "\(summary.lines.grouped) messages recorded in \(Double(Int(seconds * 10)) / 10) s"
                + (summary.recordedBefore > 0 ? ", \(summary.recordedBefore.grouped) were there already" : "")
                + (summary.badLines > 0 ? ", \(summary.badLines.grouped) bad lines skipped" : "") + ".")
        if summary.takenFromOpening + summary.ofUnknownOrders > 0 {
            try StandardOutput.line(
                "\(summary.takenFromOpening + summary.ofUnknownOrders) named an order that no message had introduced: "
                    + "\(summary.takenFromOpening) were taken from the opening book, \(summary.ofUnknownOrders) had no effect."
            )
        }
        if let rows, let export { try StandardOutput.line("\(rows.grouped) quotes written to \(export).") }
    }
}

private struct ImportDocument: Encodable {
    var summary: LobsterImport.Summary
    var exportedRows: Int?
    var seconds: Double
}
