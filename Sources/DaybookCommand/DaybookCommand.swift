import ArgumentParser
import DaybookCore
import Foundation

@main
struct DaybookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daybook",
        abstract: "Append to, read, follow and look after an event log.",
        discussion: """
            A store is one file, or that of a server: every verb that has the file as its first argument takes --server \
            daybook://HOST:PORT instead, where the client was built in. 'copy' and 'health' take a store on PostgreSQL or \
            JetStream as well. It holds events: facts that happened, in the order in which they were recorded, each in a \
            stream of its own subject. Events are never altered; everything else is derived from them.

            EXAMPLES
              daybook append shop.db --stream order-1 --type OrderPlaced --data '{"size":10}'
              daybook read shop.db --stream order-1
              daybook read shop.db --category order --type OrderPlaced --json
              daybook export shop.db | gzip > shop.ndjson.gz
              daybook read --server daybook://shop.example:2113 --user ada --stream order-1
              daybook bench --workload W1,W2-32

            \(ExitCode.explanation)
            """,
        groupedSubcommands: groups)

    private static var groups: [CommandGroup] {
        var groups = [
            CommandGroup(name: "Write and read", subcommands: [Append.self, Read.self, Follow.self, Streams.self]),
            CommandGroup(
                name: "Look after",
                subcommands: [
                    Stats.self, Health.self, Verify.self, Backup.self, Reindex.self, Scavenge.self, Archive.self,
                    Salvage.self,
                ]),
            CommandGroup(name: "Change", subcommands: [SchemaCommand.self]),
            CommandGroup(name: "Move", subcommands: [Copy.self, Export.self, Import.self]),
            CommandGroup(name: "Measure", subcommands: [Bench.self]),
        ]
        #if Server
        groups.append(
            CommandGroup(name: "Serve", subcommands: [Serve.self, UsersCommand.self, SubscriptionsCommand.self]))
        #else
        groups.append(CommandGroup(name: "Serve", subcommands: [UsersCommand.self, SubscriptionsCommand.self]))
        #endif
        return groups
    }

    /// The verbs behind which stands another.
    private static var families: Set<String> {
        var families: Set<String> = []
        for verb in groups.flatMap(\.subcommands) where !verb.configuration.subcommands.isEmpty {
            if let name = verb.configuration.commandName { families.insert(name) }
        }
        return families
    }

    static func main() async {
        signal(SIGPIPE, SIG_IGN)  // A reader that leaves is an error of a write, not the end of the program.
        let status = await status(of: nil)
        Foundation.exit(status)
    }

    /// Runs the command with its arguments, says on standard error what went wrong, and returns the exit code.
    static func status(of arguments: [String]?) async -> Int32 {
        do {
            let arguments = arguments ?? Array(ProcessInfo.processInfo.arguments.dropFirst())
            var command = try parseAsRoot(try ServerInPlace.arguments(arguments, families: families))
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
        let failure: CommandFailure
        switch error {
        case is StandardOutput.Closed: return 0  // Whoever reads has seen enough, as `head` has.
        case let error as CommandFailure: failure = error
        case let error as AppendError: failure = CommandFailure(error)
        case let error as ReadError: failure = CommandFailure(error)
        default:
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if !message.isEmpty {
                if code.isSuccess { print(message) } else { StandardError.line(message) }
            }
            return code.rawValue
        }
        if !failure.description.isEmpty { StandardError.line("daybook: \(failure)") }
        return failure.code.rawValue
    }
}
