import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Work: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Settles trades, confirms them and keeps the read models up to date, as one of several processes.",
        discussion: """
            Any number of these share the work of one store on a server. Commands, releases and confirmations are handed out \
            among all of them. Of the clearing's reactions, its deadlines and the read models there is one at a time who does \
            them, and another goes on when that one is gone. Whichever is killed, and whenever: each effect happens once.

            It runs until it is interrupted (Control-C, SIGTERM), or with --until-done until nothing is left to be done, and then \
            gives back what it has in hand. What a killed one had in hand goes to others when its lease has run out. On a file \
            there is one process at a time.
            """)

    @OptionGroup var store: StoreOptions

    @Option(
        help: """
            The name of this process, that no other has meanwhile: one that is started again under its former name need not \
            wait for its own lease.
            """)
    var member: String?

    @Option(help: "How many seconds a process may be silent before its work goes to others; the same for all.")
    var lease = 10.0

    @Flag(help: "End when everything that was traded is settled, confirmed and in the read models.")
    var untilDone = false

    func validate() throws {
        guard (0.1...3600).contains(lease) else {
            throw ValidationError("--lease is \(lease): ask for 0.1 to 3,600 seconds.")
        }
        if let member { _ = try memberName(member) }
    }

    private func memberName(_ text: String) throws -> ConsumerMemberName {
        do { return try ConsumerMemberName(text) } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        let name = try member.map(memberName) ?? .unique()
        let lease = Duration.seconds(lease)
        try await store.withStore(creates: true) { store in
            let house = ClearingHouse(in: store, models: store, policy: ConsumerPolicy(lease: lease), member: name)
            let models = try await MarketReadModels(of: store, in: store)
            let untilDone = untilDone
            try StandardOutput.line("'\(name)' works, until \(untilDone ? "all is done" : "it is interrupted").")
            try await untilInterrupted {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await house.run(electing: LeaderElection("clearing", in: store, lease: lease))
                    }
                    group.addTask {
                        let election = LeaderElection("market-read-models", in: store, lease: lease)
                        try await election.run(as: name) { try await models.run() }
                    }
                    if untilDone { group.addTask { try await Self.wait(store) } }
                    defer { group.cancelAll() }
                    try await group.next()  // The others run until they are cancelled.
                }
            }
            try StandardOutput.line("'\(name)' has given back its work.")
        }
    }

    /// Returns when everything is done.
    private static func wait(_ store: any MarketStore) async throws {
        while true {
            let result = try await Reconciliation.of(store, models: store)
            if let fault = result.faults.first { throw CommandFailure(.damageFound, "\(fault).") }
            if result.isComplete { return }
            try await Task.sleep(for: .milliseconds(200))  // What others do is seen by looking.
        }
    }
}
