import DaybookCore
import DaybookTesting
import Testing

@testable import Daybook

/// Members that are driven step by step, by a seeded schedule: they die, are slow, come back and answer late.
@Suite("A consumer group under random schedules")
struct ConsumerScheduleTests {
    /// What a member knows. A member that died is forgotten; one that sleeps goes on with what it knew.
    private struct Member {
        var token: Int64
        var ledger: ConsumerLedger
        var hands: [ConsumerDelivery<AccountEvent>] = []
        var done: [ConsumerInput] = []
    }

    fileprivate struct Run {
        var store: any EventStore & ReadModelStore
        var random: SplitMix64
        let time = DrivenTime()
        private var members: [Member] = []
        var joined = 0
        /// The positions of a key that may fail for a while.
        var isMended = false

        let policy: ConsumerPolicy
        let inbox: Inbox

        init(_ store: any EventStore & ReadModelStore, seed: UInt64) {
            self.store = store
            random = SplitMix64(seed: seed)
            // One member at a time with some seeds; several events of a key in hand at once with others.
            var policy = ConsumerPolicy(
                inFlight: 3, window: 8, held: 12, lease: .seconds(10), deliveries: 3, backoff: .seconds(1),
                backoffCeiling: .seconds(4), isExclusive: seed.isMultiple(of: 4))
            policy.run = seed.isMultiple(of: 2) ? 1 : 3
            self.policy = policy
            inbox = Inbox("totals", model: "totals", in: store)
        }

        var group: ConsumerGroup<AccountEvent> {
            ConsumerGroup("g", of: store, AccountEvent.self, in: store, policy: policy, time: time.source)
        }

        mutating func join() async throws {
            let ledger = group.ledger()
            joined += 1
            let name = ConsumerMemberName(unchecked: "m\(joined)")
            guard case .joined(let token)? = try await ledger.apply(at: { time.now }, policy, [.join(name)]).first
            else { return }
            members.append(Member(token: token, ledger: ledger))
        }

        /// Reads and claims, as a member does.
        mutating func claim(_ index: Int) async throws {
            let (token, ledger) = (members[index].token, members[index].ledger)
            // At times what it knows is old, and the save has to find out.
            if ledger.state.scanned == .start || !random.oneIn(2) { try await ledger.refresh() }
            let room = ledger.state.room(policy)
            var inputs: [ConsumerInput] = [.renew(token: token)]
            if room > 0 {
                let page = try await store.readPage(
                    from: .after(ledger.state.scanned), direction: .forward,
                    filter: EventFilter(AccountEvent.eventTypes), limit: Int.random(in: 1...room, using: &random))
                inputs.append(
                    .scan(
                        token: token, from: ledger.state.scanned,
                        events: page.events.map { ($0.position, ConsumerKey($0.stream)) },
                        through: page.scannedThrough))
            }
            inputs.append(.claim(token: token))
            for case .deliver(let position, let key, let attempt, _, let fence) in try await ledger.apply(
                at: { time.now }, policy, inputs)
            {
                let page = try await store.readPage(
                    from: .position(position), direction: .forward, filter: .all, limit: 1)
                members[index].hands.append(
                    ConsumerDelivery(
                        events: try JSONEventCodec<AccountEvent>().decode(page.events[0]), recorded: page.events[0],
                        key: key, attempt: attempt, fence: fence))
            }
            try await checkNoKeyTwice()
        }

        /// Handles one of the events in a member's hands, no event before an earlier one of its key.
        mutating func handle(_ index: Int) async throws {
            guard !members[index].hands.isEmpty else { return }
            let chosen = members[index].hands[Int.random(in: members[index].hands.indices, using: &random)]
            guard let first = members[index].hands.firstIndex(where: { $0.key == chosen.key }) else { return }
            let delivery = members[index].hands.remove(at: first)
            let position = delivery.recorded.position
            if !isMended && random.oneIn(4) {
                // What is behind it is given back.
                members[index].hands.removeAll { $0.key == delivery.key }
                members[index].done.append(
                    random.oneIn(3)
                        ? .park(fence: delivery.fence, position: position, reason: "parked")
                        : .retry(fence: delivery.fence, position: position, reason: "failed"))
                return
            }
            do {
                try await inbox.once(delivery) { documents in
                    let old = try await documents.document(delivery.key.rawValue) ?? []
                    try documents.set(old + Array("\(position) ".utf8), for: delivery.key.rawValue)
                }
            } catch InboxError.fenced {
                return  // The member was thought dead, and is late.
            }
            members[index].done.append(.acknowledge(fence: delivery.fence, position: position))
        }

        /// Saves a member's answers; it is out when they are refused.
        mutating func answer(_ index: Int) async throws {
            let member = members[index]
            do {
                _ = try await member.ledger.apply(
                    at: { time.now }, policy, [.renew(token: member.token)] + member.done)
                members[index].done = []
            } catch .refused(.leaseLost) {
                members.remove(at: index)
            }
        }

        func checkNoKeyTwice() async throws {
            let ledger = group.ledger()
            try await ledger.refresh()
            let state = ledger.state
            let working = (state.window + state.held.values.flatMap(\.events)).filter { $0.delivery != nil }
            for (key, entries) in Dictionary(grouping: working, by: \.key) {
                #expect(entries.count <= policy.run, "\(key) has more in hand than a run")
                #expect(Set(entries.compactMap(\.delivery?.member)).count == 1, "two members work on \(key)")
            }
            if policy.isExclusive {
                #expect(Set(working.compactMap(\.delivery?.member)).count <= 1, "two members work at once")
            }
            for entry in state.window { #expect(state.held[entry.key] == nil, "\(entry.key) is in two places") }
        }

        mutating func step() async throws {
            guard !members.isEmpty else { return try await join() }
            let index = Int.random(in: members.indices, using: &random)
            do throws(any Error) {
                switch Int.random(in: 0..<20, using: &random) {
                case 0: if members.count < 4 { try await join() }
                case 1: if !isMended { members.remove(at: index) }  // Dies: what it did not save is gone.
                case 2: time.advance(by: .seconds(Int.random(in: 1...(isMended ? 2 : 9), using: &random)))
                case 3:
                    if let parked = try await group.parked().first { try await group.replay(parked.key) }
                case 4..<9: try await claim(index)
                case 9..<16: try await handle(index)
                default: try await answer(index)
                }
            } catch ConsumerError.refused(.leaseLost) {
                members.remove(at: index)
            }
        }
    }

    @Test("handles each event once and in order, whoever dies when", arguments: TestStore.all, TestSeeds.first(12))
    func exactlyOnce(_ store: TestStore, seed: UInt64) async throws {
        var run = Run(try await store.make(), seed: seed)
        let codec = JSONEventCodec<AccountEvent>()
        var expected: [String: String] = [:]
        for number in 1...40 {
            let event = try codec.encode(AccountEvent.deposited(amount: number))
            let stream = StreamName(unchecked: "account-\(Int.random(in: 0..<5, using: &run.random))")
            let result = try await run.store.append([NewEvent(type: event.type, data: event.data)], to: stream)
            expected[stream.rawValue, default: ""] += "\(result.position) "
            if run.random.oneIn(3) {
                try await run.store.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
            }
        }
        for _ in 0..<400 { try await run.step() }
        // From here on nothing fails: everything comes to rest.
        run.isMended = true
        let head = try await run.store.head()
        var left = 5000
        while left > 0 {
            left -= 1
            try await run.step()
            let status = try await run.group.status()
            if status.held == 0 && status.inFlight == 0 && status.settled == head { break }
        }
        let status = try await run.group.status()
        #expect(left > 0, "seed \(seed): it did not come to rest: \(status)")
        for (key, positions) in expected {
            let data = try await run.store.document(key, of: "totals")
            #expect(data.map { String(decoding: $0, as: UTF8.self) } == positions, "seed \(seed), key \(key)")
        }
        #expect(try await run.inbox.forget(through: run.group.status().settled) == 40)
    }
}
