import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Testing

@Suite("The exchange as of a past moment")
struct TimeTravelTests {
    /// A day on a clock that moves between rounds, with what the accounts had after some of them.
    private func day(
        in store: TestStore.Store, _ time: DrivenTime
    ) async throws -> [(moments: [LogMoment], accounts: [AccountStatement])] {
        var configuration = OrderFlow.Configuration()
        configuration.orders = 1_200
        configuration.traders = 8
        configuration.arrivalsPerRound = 40
        var flow = OrderFlow(configuration)
        let floor = TradingFloor(in: store)
        let models = try await MarketReadModels(of: store, in: store)
        _ = try await floor.record(flow.openings, named: "open")
        var pictures: [(moments: [LogMoment], accounts: [AccountStatement])] = []
        var round = 0
        while let next = try flow.nextRound() {
            round += 1
            _ = try await floor.record(next, named: "round-\(round)")
            if round % 3 == 0 {
                try await models.catchUp()
                let head = try await store.head()
                pictures.append(([.position(head), .time(time.now)], try await models.accounts()))
            }
            time.advance(by: .seconds(1))
        }
        return pictures
    }

    @Test("has the accounts, at the prices, as they were then", arguments: TestStore.all)
    func accounts(_ make: TestStore) async throws {
        let time = DrivenTime()
        let store = try await make(time: time.source)
        let pictures = try await day(in: store, time)
        #expect(pictures.count >= 2)
        for picture in pictures {
            for moment in picture.moments {
                let past = try await Replay(of: store).inMemory(asOf: moment)
                let models = try await MarketReadModels(of: past, in: past)
                try await models.catchUp()
                #expect(try await models.accounts() == picture.accounts, "\(moment)")
            }
        }
    }

    @Test(
        "tells which events made an account's cash what it is, each with what it made of it", arguments: TestStore.all)
    func lineage(_ make: TestStore) async throws {
        let time = DrivenTime()
        let store = try await make(time: time.source)
        let pictures = try await day(in: store, time)
        _ = try await BoundaryHandler(CashTransfer.self, in: store)
            .handle(CashTransfer.Command(.dollars(100), from: "T001", to: "T001.margin"))
        let floor = TradingFloor(in: store)
        for account: AccountID in ["T001", "T001.margin", "T002"] {
            let lineage = try await CashLineage(of: account, in: store)
            let state = try await floor.cash.state(of: account.rawValue)
            // Each event of the account changes its cash, and none of another's does.
            let stream = StreamName(unchecked: "cash-\(account)")
            let references = (0...(state.version?.rawValue ?? 0)).map {
                EventReference(stream: stream, version: StreamVersion($0)).description
            }
            #expect(lineage.steps.map(\.event) == references)
            #expect(lineage.steps.last?.after.available == state.state.available)
            #expect(lineage.steps.last?.after.total == state.state.total)
            for (step, next) in zip(lineage.steps, lineage.steps.dropFirst()) { #expect(step.after == next.before) }
        }
        let picture = try #require(pictures.first)
        let past = try await CashLineage(of: "T001", in: store, asOf: picture.moments[1])
        #expect(past.steps.last?.after == picture.accounts.first { $0.account == "T001" }?.cash)
        #expect(try await CashLineage(of: "T999", in: store).steps.isEmpty)
    }

    @Test("begins from the snapshot of a cash account and the events since", arguments: TestStore.all)
    func snapshots(_ make: TestStore) async throws {
        let store = try await make()
        let key = try SnapshotKey("\(String(reflecting: CashAccount.self)) cash-A")
        let floor = TradingFloor(in: store, snapshots: store)
        for number in 1...3 {
            try await floor.cash.handle((1...200).map { .deposit(Money($0)) }, id: "A")
            await floor.cash.finishSnapshots()
            #expect(try await store.snapshot(for: key)?.version == (number == 3 ? 599 : nil))
        }
        try await floor.cash.handle(.hold(7, for: 1), id: "A")
        let opened = TradingFloor(in: store, snapshots: store)
        let state = try await opened.cash.state(of: "A")
        #expect(state.version == 600 && state.state.total == Money(3 * 20_100) && state.state.holds == [1: 7])
        let plain = try await TradingFloor(in: store).cash.state(of: "A")
        #expect(state == plain)
        // A former program's snapshot of an account is of no use.
        var former = try #require(try await store.snapshot(for: key))
        former.key = try SnapshotKey("\(String(reflecting: CashAccount.self)) cash-B")
        former.schema = "1:former"
        try await store.save(former)
        #expect(try await opened.cash.pruneSnapshots() == 1)
        #expect(try await store.snapshot(for: former.key) == nil)
        #expect(try await store.snapshot(for: key)?.version == 599)
    }

    @Test(
        "reads a moment from text",
        arguments: [
            ("latest", .latest), ("p7", .position(7)), ("position:7", .position(7)),
            ("1970-01-01T00:00:01Z", .time(Timestamp(microseconds: 1_000_000))), ("v12", nil), ("noon", nil), ("", nil),
        ] as [(String, LogMoment?)])
    func moments(text: String, moment: LogMoment?) { #expect(LogMoment(text) == moment) }
}
