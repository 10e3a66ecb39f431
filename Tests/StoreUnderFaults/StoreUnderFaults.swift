import DaybookSQLite
import Foundation

/// A store for the scripts that break it: what they need, and the command does not offer.
///
/// - `StoreUnderFaults serve FILE INDEX-ENTRIES RESERVE [WAL-PAGES]`: requests on standard input, as
///   `daybook append --requests -` takes them, and the line `{"read":true}`, which reads the whole log. At most so many
///   entries of the index gather in memory; so many bytes of the disk are kept free; the write-ahead log is copied after
///   the group that makes it so long.
/// - `StoreUnderFaults check`: opens every file named on standard input, and tells what is in it.
/// - `StoreUnderFaults subscribe FILE IDLE SECONDS`: a writer and a reader at full speed beside idle subscribers. With a
///   fourth argument `hoard` the idle ones keep what they are given instead of waiting.
///
/// All answers are lines of JSON. Exit code 64: the arguments are none of these; 74: a file cannot be opened.
@main
struct StoreUnderFaults {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            switch (arguments.first, arguments.count) {
            case ("serve", 4), ("serve", 5):
                guard let entries = Int(arguments[2]), let reserve = Int64(arguments[3]) else { exit(64) }
                var configuration = SQLiteEventStore.Configuration()
                configuration.indexEntriesInMemory = entries
                configuration.freeSpaceReserve = reserve
                if arguments.count == 5 {
                    guard let pages = Int(arguments[4]) else { exit(64) }
                    configuration.walPages = pages
                }
                try await RequestServer(opening: arguments[1], configuration).run()
            case ("check", 1): await StoreChecker().run()
            case ("subscribe", 4), ("subscribe", 5):
                guard let idle = Int(arguments[2]), let seconds = Double(arguments[3]) else { exit(64) }
                let hoards = arguments.count == 5
                try await IdleSubscribers(path: arguments[1], count: idle, seconds: seconds, hoards: hoards).run()
            default: exit(64)
            }
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(74)
        }
    }

    /// Writes a line of JSON to standard output, in one call.
    static func answer(_ object: [String: Any]) {
        guard let json = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys]) else { exit(70) }
        var bytes = [UInt8](json) + [UInt8(ascii: "\n")]
        while !bytes.isEmpty {
            let count = write(1, bytes, bytes.count)
            if count > 0 { bytes.removeFirst(count) } else if errno != EINTR { exit(74) }
        }
    }
}
