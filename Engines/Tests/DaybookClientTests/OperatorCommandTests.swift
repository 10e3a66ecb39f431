import DaybookCore
import DaybookSQLite
import Foundation
import StoreTrials
import Testing

@Suite("The command as an operator of a server", .timeLimit(.minutes(5)))
struct OperatorCommandTests {
    private let program: BuiltProgram
    private let file: String

    init() throws {
        program = try BuiltProgram("daybook")
        file = program.file("shop.db")
    }

    private static let password = "correct horse"

    private func run(
        _ arguments: [String], at served: ServedFile, as login: String?, password: String = Self.password,
        input: String? = nil
    ) async throws -> BuiltProgram.Outcome {
        var variables: [String: String] = [:]
        if let login { variables = ["DAYBOOK_USER": login, "DAYBOOK_PASSWORD": password] }
        return try await program.run(arguments + ["--server", served.address], variables: variables, input: input)
    }

    /// The token with which the first user is made.
    private func token(of served: ServedFile) throws -> String {
        let line = try #require(
            served.said.split(separator: "\n").first { $0.contains("Authorization: Bearer ") }, "\(served.said)")
        return String(try #require(line.split(separator: " ").last))
    }

    @Test("makes the first user with the server's token, others as an admin, and changes them")
    func users() async throws {
        try await ServedFile.serving(file, by: program, ["--without-tls"]) { served in
            try await eventually("the server has said its token") { served.said.contains("Bearer") }
            let nobody = try await run(["read"], at: served, as: nil)
            #expect(nobody.status == 77 && nobody.errors.contains("credentials are missing"), "\(nobody)")
            #expect(nobody.errors.contains("makes the first one, by 'daybook users add'"), "\(nobody)")
            // The token is for that alone: the server does not let its holder ask for the head of the log.
            let token = try token(of: served)
            for verb in [["users", "list"], ["read"]] {
                let early = try await program.run(
                    verb + ["--server", served.address], variables: ["DAYBOOK_TOKEN": token])
                #expect(early.status == 77 && early.errors.contains("there are no users yet"), "\(early)")
            }
            let first = try await program.run(
                ["users", "add", "ada", "--server", served.address], variables: ["DAYBOOK_TOKEN": token],
                input: Self.password + "\n")
            #expect(first.status == 0, "\(first)")
            for group in ["ops", "writers"] {
                let added = try await run(
                    ["users", "add", group, "--group", "$\(group)"], at: served, as: "ada", input: Self.password + "\n")
                #expect(added.status == 0, "\(added)")
            }
            let listed = try await run(["users", "list"], at: served, as: "ada")
            #expect(listed.output == "ada\t$admins\nops\t$ops\nwriters\t$writers\n", "\(listed)")
            let lines = try await run(["users", "list", "--json"], at: served, as: "ada")
            #expect(
                lines.output.hasPrefix(
                    #"{"login":"ada","fullName":"","groups":["$admins"],"disabled":false,"hasPassword":true}"# + "\n"),
                "\(lines)")
            let twice = try await run(
                ["users", "add", "ops"], at: served, as: "ada", input: Self.password + "\n")
            #expect(twice.status == 1 && twice.errors.contains("There is a user 'ops' already"), "\(twice)")
            let changed = try await run(["users", "password", "ops"], at: served, as: "ada", input: "another horse\n")
            #expect(changed.status == 0, "\(changed)")
            #expect(try await run(["stats"], at: served, as: "ops").status == 77)
            #expect(try await run(["stats"], at: served, as: "ops", password: "another horse").status == 0)
            #expect(try await run(["users", "remove", "ops"], at: served, as: "ada").status == 0)
            let gone = try await run(["users", "remove", "ops"], at: served, as: "ada")
            #expect(gone.status == 1 && gone.errors.contains("no user 'ops'"), "\(gone)")
        }
    }

    @Test("may do what the groups of its user let it, and shows no password")
    func rights() async throws {
        for (login, group) in [("ada", "$admins"), ("olga", "$ops"), ("will", "$writers"), ("rita", "$readers")] {
            let made = try await program.run(
                ["users", "add", file, login, "--group", group], input: Self.password + "\n")
            #expect(made.status == 0, "\(made)")
        }
        try await ServedFile.serving(file, by: program, ["--without-tls"]) { served in
            let append = ["append", "--stream", "order-1", "--type", "Placed"]
            #expect(try await run(append, at: served, as: "will").status == 0)
            let refused = try await run(append, at: served, as: "rita")
            #expect(refused.status == 77 && refused.errors.contains("may not do this"), "\(refused)")
            #expect(refused.errors.contains("user 'rita' has no right to append to stream 'order-1'"), "\(refused)")
            let request = #"{"writes":[{"stream":"order-1","events":[{"type":"Placed","data":{}}]}]}"#
            let many = try await run(["append", "--requests", "-"], at: served, as: "rita", input: request + "\n")
            #expect(many.status == 77 && many.output.contains("has no right to append"), "\(many)")
            let hidden = try await run(["read", "--stream", "$user-ada"], at: served, as: "rita")
            #expect(hidden.status == 77 && hidden.errors.contains("no right to read stream '$user-ada'"), "\(hidden)")
            let read = try await run(["read", "--stream", "order-1", "--json"], at: served, as: "rita")
            #expect(read.status == 0 && read.output.contains("\"$actor\":\"will\""), "\(read)")
            for verb in [["stats"], ["verify"], ["scavenge", "--dry-run"], ["reindex"]] {
                #expect(try await run(verb, at: served, as: "olga").status == 0, "\(verb)")
                #expect(try await run(verb, at: served, as: "will").status == 77, "\(verb)")
            }
            #expect(try await run(["users", "list"], at: served, as: "olga").status == 77)
            let secret = program.file("password.txt")
            try Data("\(Self.password)\n".utf8).write(to: URL(fileURLWithPath: secret))
            let named = ["users", "list", served.address, "--user", "ada", "--password-file", secret]
            #expect(try await program.run(named).status == 0)
            let wrong = served.address(of: "ada", password: "hidden-word")
            for verb in [["read", wrong], ["copy", "--from", wrong, "--to", "file:\(file)-2"], ["health", wrong]] {
                let outcome = try await program.run(verb)
                #expect(outcome.status == 77 && !outcome.errors.contains("hidden-word"), "\(outcome)")
            }
        }
    }

    @Test("makes, shows, changes and deletes groups of consumers")
    func subscriptions() async throws {
        try await ServedFile.serving(file, by: program) { served in
            func ask(_ arguments: String...) async throws -> BuiltProgram.Outcome {
                try await program.run(["subscriptions"] + arguments + ["--server", served.address])
            }
            let made = try await ask("create", "order-1", "mailer", "--max-retries", "5", "--from", "end")
            #expect(made.status == 0 && made.output == "Made the group 'mailer' of order-1.\n", "\(made)")
            let again = try await ask("create", "order-1", "mailer")
            #expect(again.status == 1 && again.errors.contains("exists"), "\(again)")
            let all = try await ask("create", "$all", "audit", "--type-prefix", "Order", "--strategy", "Pinned")
            #expect(all.status == 0, "\(all)")
            let filtered = try await ask("create", "order-1", "f", "--type-prefix", "Order")
            #expect(filtered.status == 1 && filtered.errors.contains("Only groups of $all"), "\(filtered)")
            let table = try await ask("list")
            #expect(table.output.hasPrefix("STREAM") && table.output.contains("mailer"), "\(table)")
            let lines = try await ask("list", "--json", "--stream", "$all")
            #expect(lines.output.contains(#""filter":{"of":"types","prefixes":["Order"]}"#), "\(lines)")
            #expect(!lines.output.contains("mailer"))
            let changed = try await ask("update", "order-1", "mailer", "--message-timeout", "60000")
            #expect(changed.status == 0, "\(changed)")
            let info = try await ask("info", "order-1", "mailer", "--json")
            #expect(info.output.contains(#""messageTimeoutMilliseconds":60000,"maxRetries":5"#), "\(info)")
            #expect(info.output.contains(#""startsFrom":"end""#), "\(info)")
            #expect(try await ask("info", "order-1", "mailer").output.contains("60,000 ms"))
            #expect(try await ask("update", "order-1", "mailer").status == 64)
            let batch = try await ask("update", "order-1", "mailer", "--read-batch", "1000")
            #expect(batch.status == 1, "\(batch)")
            #expect(try await ask("replay-parked", "order-1", "mailer").status == 0)
            #expect(try await ask("restart").status == 0)
            #expect(try await ask("delete", "order-1", "mailer").status == 0)
            let gone = try await ask("info", "order-1", "mailer")
            #expect(gone.status == 1 && gone.errors.contains("does not exist"), "\(gone)")
        }
    }

    // MARK: - Answers that are lost

    /// Where the server is found through what loses its answers.
    private func address(of relay: CuttingRelay) -> String { "daybook://127.0.0.1:\(relay.port)?tls=false" }

    @Test("says of a change whose answer was lost that it may have been made")
    func lostAnswer() async throws {
        try await ServedFile.serving(file, by: program) { served in
            let relay = try CuttingRelay(to: served.address)
            defer { relay.close() }
            relay.loseAnswers(to: "bob-of-sales")
            let adding = try program.start(
                ["users", "add", "bob-of-sales", "--server", address(of: relay)], input: Self.password + "\n")
            try await eventually("the user is there") {
                try await run(["users", "list"], at: served, as: nil).output.contains("bob-of-sales")
            }
            relay.cut()
            let lost = try await adding.outcome()
            #expect(lost.status == 74 && lost.errors.contains("may have done it"), "\(lost)")
        }
    }

    @Test("does not take it for a refusal that its password is another when it asks again")
    func ownPassword() async throws {
        let made = try await program.run(
            ["users", "add", file, "ada", "--group", "$admins"], input: Self.password + "\n")
        #expect(made.status == 0, "\(made)")
        try await ServedFile.serving(file, by: program, ["--without-tls"]) { served in
            let relay = try CuttingRelay(to: served.address)
            defer { relay.close() }
            relay.loseAnswers(to: "another horse")
            let changing = try program.start(
                ["users", "password", "ada", "--server", address(of: relay)],
                variables: ["DAYBOOK_USER": "ada", "DAYBOOK_PASSWORD": Self.password], input: "another horse\n")
            try await eventually("the password is another") {
                try await run(["users", "list"], at: served, as: "ada").status == 77
            }
            relay.cut()
            let lost = try await changing.outcome()
            #expect(lost.status == 74 && lost.errors.contains("may have done it"), "\(lost)")
        }
    }

    @Test("does not say of a backup which it no longer waits for that the destination is as it was")
    func stoppedBackup() async throws {
        let backups = program.file("backups")
        try FileManager.default.createDirectory(atPath: backups, withIntermediateDirectories: true)
        try await ServedFile.serving(file, by: program, ["--insecure", "--backup-folder", backups]) { served in
            let append = ["append", "--stream", "order-1", "--type", "Placed"]
            #expect(try await run(append, at: served, as: nil).status == 0)
            let relay = try CuttingRelay(to: served.address)
            defer { relay.close() }
            relay.loseAnswers(to: "shop-1.db")
            let copying = try program.start(["backup", "shop-1.db", "--server", address(of: relay)])
            try await eventually("the copy is there") {
                FileManager.default.fileExists(atPath: "\(backups)/shop-1.db")
            }
            copying.send(SIGINT)
            let stopped = try await copying.outcome()
            #expect(stopped.status == 74 && stopped.errors.contains("may have done it"), "\(stopped)")
            #expect(!stopped.errors.contains("as it was"), "\(stopped)")
        }
    }
}
