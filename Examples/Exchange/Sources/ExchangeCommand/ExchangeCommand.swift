import ArgumentParser
import Daybook
import DaybookCore
import DaybookGRDB
import DaybookSQLite
import Exchange
import Foundation
import GRDB

#if Postgres
import DaybookPostgres
#endif

@main
struct ExchangeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exchange",
        abstract: "A small stock exchange that records everything that happens as events.",
        discussion: """
            Every order, execution, hold and payment is an event in one store, which is a file. The books, the quotes and \
            the accounts are made from the events, as of now or as of any past moment.

            EXAMPLES
              exchange simulate --store day.daybook
              exchange book ALDER --store day.daybook --as-of 2026-01-05T12:00:00Z
              exchange audit 1234 --store day.daybook
              exchange accounts --store day.daybook --as-of p5000
              exchange changes --since p5000 --store day.daybook
              exchange explain T017 --store day.daybook
              exchange statistics --store day.daybook
              exchange transfer 2500.00 --from T017 --to T017.margin --store day.daybook
              exchange clear --store market.daybook
              exchange trade --store desk.daybook
              exchange work --store desk.daybook
              exchange reconcile --wait 60 --store desk.daybook
              exchange parked --store market.daybook
              exchange verify-events --store day.daybook
              exchange export-events --store day.daybook > events.ndjson
              exchange rebuild --store day.daybook
              exchange import --lobster AAPL_2012-06-21_messages.csv.gz --seed-book AAPL_2012-06-21_book.csv.gz \\
                --store aapl.daybook --export quotes.csv

            \(ExitCode.explanation)
            """,
        subcommands: [
            Simulate.self, Import.self, Clear.self, Trade.self, Work.self, Reconcile.self, Parked.self, Book.self,
            Audit.self, Accounts.self, Changes.self,
            Explain.self,
            Statistics.self, Rules.self, Transfer.self, Coupon.self, VerifyEvents.self, ExportEvents.self, Publish.self,
            Rebuild.self,
        ])

    static func main() async {
        signal(SIGPIPE, SIG_IGN)  // A reader that leaves is an error of a write, not the end of the program.
        Foundation.exit(await status(of: nil))
    }

    /// Runs the command with its arguments, says on standard error what went wrong, and returns the exit code.
    static func status(of arguments: [String]?) async -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch {
            return report(error)
        }
    }

    private static func report(_ error: any Error) -> Int32 {
        let code: ExitCode
        switch error {
        case let error as CommandFailure: code = error.code
        case let error as LobsterImportError:
            switch error {
            case .badLine, .emptySeedBook: code = .malformedInput
            case .otherSource, .laterSession: code = .refused
            }
        case let error as FileProblem:
            switch error {
            case .unreadable(let path, _):
                code = FileManager.default.fileExists(atPath: path) ? .inputOutput : .missingFile
            case .unwritable: code = .cannotCreate
            case .lineTooLong: code = .malformedInput
            }
        #if Postgres
        case is PostgresOpenError: code = .unavailable
        #endif
        case let error as OpenError:
            switch error {
            case .missing: code = .missingFile
            case .owned: code = .unavailable
            case .corrupted, .logTooShort: code = .damageFound
            default: code = .inputOutput
            }
        case is CommandError<OrderBook.Rejection>, is CommandError<CashAccount.Rejection>,
            is CommandError<Holdings.Rejection>, is CommandError<CouponPayment.Rejection>,
            is BoundaryError<CashTransfer.Rejection>:
            code = .refused
        case is CouponDesk.NoBond, is NothingParked, ConsumerError.refused(.keyNotParked),
            ConsumerError.refused(.eventNotParked):
            code = .nothingFound
        case RebuildError.tooManyDifferences: code = .refused
        case SQLReadModelError.beyondLog, SQLReadModelError.otherLog, SQLReadModelError.tablesNotCreated,
            SQLHistoryError.unusableSnapshot:
            code = .refused
        case ReadError.corrupted: code = .damageFound
        case is AppendError, is ReadError, is ProjectionError, is ReadModelError, is DerivedStateError, is ProcessError,
            is ConsumerError, is DecisionReplayError, is ReplayError, is RebuildError,
            is SQLReadModelError, is SQLHistoryError, is DatabaseError:
            code = .inputOutput
        default:
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if !message.isEmpty {
                if code.isSuccess { print(message) } else { StandardError.line(message) }
            }
            return code.rawValue
        }
        // A rejection is a sentence by itself.
        let reason = (error as? any CommandRejection)?.rejectionReason
        StandardError.line("exchange: \(reason ?? "\(error)")")
        return code.rawValue
    }
}
