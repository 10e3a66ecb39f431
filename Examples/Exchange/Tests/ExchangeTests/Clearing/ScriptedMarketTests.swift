import Daybook
import DaybookCore
import Exchange
import Synchronization
import Testing

@Suite("The scripted market")
struct ScriptedMarketTests {
    @Test("settles one trade, reverses one that is refused and one that times out", arguments: TestStore.all)
    func plays(_ make: TestStore) async throws {
        let clock = MarketClock(at: ScriptedMarket.opening)
        let store = try await make(time: clock.source)
        let market = ScriptedMarket(in: store, models: store, clock: clock)
        let lines = Mutex<[ScriptedMarket.Line]>([])
        try await market.play { line in lines.withLock { $0.append(line) } }
        let told = lines.withLock { $0 }
        let refusals = told.compactMap { if case .refused(let reason) = $0 { reason } else { nil } }
        #expect(refusals.count == 2)
        let ends = told.compactMap { line in
            if case .event(_, let what, let reference) = line, reference.stream.category == "clearing" {
                what
            } else {
                nil
            }
        }.filter { $0.hasPrefix("settled") || $0.hasPrefix("reversed") }
        #expect(
            ends == [
                "settled (ALDER#1)",
                "reversed (ALDER#2): 40 shares are to come from the hold of order 4, which has 0.",
                "reversed (ALDER#3): DORA has not delivered within 120 seconds",
            ])
        let (cash, holdings) = (market.house.cash, market.house.holdings)
        #expect(try await cash.state(of: "ANNA").state.available == .dollars(4_500))
        #expect(try await cash.state(of: "ANNA.margin").state.available == .dollars(4_000))
        #expect(try await cash.state(of: "BEN").state.available == .dollars(1_500))
        #expect(try await holdings.state(of: "ANNA").state.available == ["ALDER": 60])
        #expect(try await holdings.state(of: "CARL").state.available == ["ALDER": 50])
        #expect(try await holdings.state(of: "DORA").state.available == ["ALDER": 80])
        let confirmations = try await market.house.confirmations.confirmations()
        #expect(confirmations.count == 6)
        #expect(
            try await market.house.confirmations.confirmations(of: "ANNA.margin").map(\.execution)
                == ["ALDER#2", "ALDER#3"])
        let story = try await OrderStory(of: 5, in: store).steps.map(\.type.rawValue)
        #expect(story.contains("clearing.begun") && story.last == "clearing.reversed")
    }
}
