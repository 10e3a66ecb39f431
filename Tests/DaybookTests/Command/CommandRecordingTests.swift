import Daybook
import DaybookCore
import DaybookTesting
import Testing

@Suite("Recorded commands")
struct CommandRecordingTests {
    private typealias Record = CommandRecord<CashAccount.Command>

    private func accounts(
        in store: any EventStore, recording: CommandRecording<CashAccount.Command> = .all,
        cache: StateCachePolicy = .default
    ) -> CommandHandler<CashAccount> {
        CommandHandler(
            CashAccount.self, in: store, category: "account", cache: cache, recording: recording, clock: LeapingClock())
    }

    private func records(of id: String, in store: any EventStore) async throws -> [String] {
        var lines: [String] = []
        for try await event in store.events(of: StreamName(unchecked: "account_commands-\(id)")) {
            for record in try JSONEventCodec<Record>().decode(event) {
                switch record {
                case .carriedOut(let command, let after, let count):
                    lines.append("\(command) after \(after.map(String.init) ?? "none"): \(count)")
                case .rejected(let command, let after, let reason):
                    lines.append("\(command) after \(after.map(String.init) ?? "none"): \(reason)")
                }
            }
        }
        return lines
    }

    @Test("stand beside their events, before them, whatever came of them", arguments: TestStore.all)
    func recorded(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        let receipt = try await CommandContext.with(actor: "clerk-7") {
            try await accounts.handle(.deposit(amount: 10), id: "1", commandID: "c1")
        }
        _ = try? await accounts.handle(.withdraw(amount: 11), id: "1")
        try await accounts.handle([.withdraw(amount: 1), .withdraw(amount: 2), .close], id: "1")
        try await accounts.handle(.close, id: "1")
        #expect(
            try await records(of: "1", in: store) == [
                "deposit(amount: 10) after none: 1",
                "withdraw(amount: 11) after 0: insufficientCash(requested: 11, available: 10)",
                "withdraw(amount: 1) after 0: 1", "withdraw(amount: 2) after 1: 1", "close after 2: 1",
                "close after 3: 0",
            ])
        #expect(receipt.version == 0 && receipt.position == 2 && receipt.events == [.deposited(amount: 10)])
        let first = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 2).events
        #expect(first.map(\.type) == ["command.carriedOut", "account.deposited"])
        #expect(first[0].metadata == first[1].metadata)
        #expect(try EventMetadata(decoding: first[0].metadata).actor == "clerk-7")
        #expect(try await accounts.state(of: "1").state.balance == 7)
    }

    @Test("change nothing in what a repeat is answered", arguments: TestStore.all)
    func repeats(_ make: TestStore) async throws {
        let store = try await make.make()
        let first = try await accounts(in: store).handle(.deposit(amount: 10), id: "1", commandID: "c1")
        let nothing = try await accounts(in: store).handle([CashAccount.Command](), id: "1", commandID: "c2")
        try await accounts(in: store).handle(.close, id: "1")
        let closed = try await accounts(in: store).handle(.close, id: "1", commandID: "c3")
        let count = try await records(of: "1", in: store).count
        let warm = accounts(in: store)
        _ = try? await warm.handle(.withdraw(amount: 0), id: "1")
        for handler in [warm, accounts(in: store), accounts(in: store, cache: .none)] {
            var again = try await handler.handle(.deposit(amount: 10), id: "1", commandID: "c1")
            #expect(again.isRepeat)
            again.isRepeat = false
            #expect(again == first)
            let second = try await handler.handle([CashAccount.Command](), id: "1", commandID: "c2")
            #expect(second.version == nothing.version && second.events.isEmpty)
            let third = try await handler.handle(.close, id: "1", commandID: "c3")
            #expect(third.version == closed.version && third.events.isEmpty && third.position == closed.position)
        }
        #expect(try await records(of: "1", in: store).count == count + 1)
    }

    @Test("are left out of what is not asked for", arguments: TestStore.all)
    func leftOut(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store, recording: .carriedOut)
        _ = try? await accounts.handle(.withdraw(amount: 1), id: "1")
        _ = try? await accounts.handle([.deposit(amount: 1), .withdraw(amount: 2)], id: "1")
        #expect(try await store.head() == .start)
        try await accounts.handle(.deposit(amount: 1), id: "1")
        #expect(try await records(of: "1", in: store).count == 1)
    }

    @Test("of a rejection rest on the state of that moment", arguments: TestStore.all)
    func rejectedOnOldState(_ make: TestStore) async throws {
        let store = try await make.make()
        let other = accounts(in: store, recording: .none)
        let isFirst = Countdown(1)
        let faulty = WatchedStore(
            store,
            beforeAppend: { request throws(AppendError) in
                guard request.writes.contains(where: { $0.stream == "account_commands-1" }), isFirst.take() else {
                    return
                }
                _ = try? await other.handle(.deposit(amount: 5), id: "1")
            })
        try await accounts(in: faulty).handle(.withdraw(amount: 5), id: "1")
        #expect(try await records(of: "1", in: store) == ["withdraw(amount: 5) after 0: 1"])
    }

    enum Greeting: VersionedCommand {
        case greet(name: String, language: String)
        static let schemaVersion: UInt32 = 2
        static let upcasters = [CommandUpcaster(from: 1) { $0["greet"]?["language"] = "en" }]
    }

    @Test("are lifted to the shape of today")
    func lifted() async throws {
        let codec = JSONEventCodec<CommandRecord<Greeting>>()
        let today = try codec.encode(.rejected(command: .greet(name: "Ada", language: "de"), after: nil, reason: "no"))
        #expect(today.schemaVersion == 2)
        let store = InMemoryEventStore()
        let old = #"{"after":4,"command":{"greet":{"name":"Ada"}},"events":1}"#
        try await store.append(
            [NewEvent(type: "command.carriedOut", schemaVersion: 1, data: Array(old.utf8)), NewEvent(today)], to: "c-1")
        let events = try await store.readPage(of: "c-1", from: .start, direction: .forward, limit: 2).events
        guard case .carriedOut(.greet("Ada", "en"), 4, 1)? = try codec.decode(events[0]).first,
            case .rejected(.greet("Ada", "de"), nil, "no")? = try codec.decode(events[1]).first
        else {
            Issue.record("\(try codec.decode(events[0])), \(try codec.decode(events[1]))")
            return
        }
    }
}
