import DaybookCore
import DaybookTesting
import Testing

@testable import Daybook

@Suite("The state of a consumer group")
struct ConsumerGroupStateTests {
    private let policy = ConsumerPolicy(
        inFlight: 3, window: 10, lease: .seconds(10), deliveries: 3, backoff: .seconds(1), backoffCeiling: .seconds(3))
    private let start = Timestamp(microseconds: 0)

    private func join(_ state: inout ConsumerGroupState, _ name: ConsumerMemberName, at now: Timestamp) throws -> Int64
    {
        guard case .joined(let token)? = try state.apply(.join(name), at: now, policy).first else { return 0 }
        return token
    }

    /// A state with one member, and events at the positions from 1 on with these keys.
    private func state(_ keys: ConsumerKey...) throws -> (ConsumerGroupState, Int64) {
        var state = ConsumerGroupState(after: .start)
        let token = try join(&state, "a", at: start)
        let events = keys.enumerated().map { (position: Position(Int64($0 + 1)), key: $1) }
        let end = Position(Int64(keys.count))
        _ = try state.apply(.scan(token: token, from: .start, events: events, through: end), at: start, policy)
        return (state, token)
    }

    private func claim(
        _ state: inout ConsumerGroupState, _ token: Int64, at now: Timestamp
    ) throws -> [(position: Position, attempt: Int, fence: Int64)] {
        try state.apply(.claim(token: token), at: now, policy).compactMap {
            guard case .deliver(let position, _, let attempt, _, let fence) = $0 else { return nil }
            return (position, attempt, fence)
        }
    }

    @Test("delivers one event of a key at a time, and no more than a member may have")
    func order() throws {
        var (state, token) = try state("x", "x", "y", "z", "w")
        let first = try claim(&state, token, at: start)
        #expect(first.map(\.position) == [1, 3, 4])
        #expect(try claim(&state, token, at: start).isEmpty)
        let other = try join(&state, "b", at: start)
        #expect(try claim(&state, other, at: start).map(\.position) == [5])
        _ = try state.apply(.acknowledge(fence: first[1].fence, position: 3), at: start, policy)
        #expect(state.checkpoint == 0)
        _ = try state.apply(.acknowledge(fence: first[0].fence, position: 1), at: start, policy)
        #expect(state.checkpoint == 1)
        #expect(try claim(&state, token, at: start).map(\.position) == [2])
    }

    @Test("lets a member whose lease ran out change nothing")
    func fencing() throws {
        var (state, token) = try state("x", "y")
        let lost = try claim(&state, token, at: start)
        let late = start.advanced(by: .seconds(10))
        let other = try join(&state, "b", at: late)
        let taken = try claim(&state, other, at: late)
        #expect(taken.map(\.position) == [1] && taken.map(\.attempt) == [2])
        let before = state
        for input: ConsumerInput in [
            .acknowledge(fence: lost[0].fence, position: 1), .retry(fence: lost[0].fence, position: 1, reason: ""),
            .park(fence: lost[0].fence, position: 1, reason: ""),
        ] {
            #expect(throws: ConsumerRefusal.deliveryLost(position: 1, fence: lost[0].fence)) {
                try state.apply(input, at: late, policy)
            }
        }
        for input: ConsumerInput in [.renew(token: token), .claim(token: token), .leave(token: token)] {
            #expect(throws: ConsumerRefusal.leaseLost(token: token)) { try state.apply(input, at: late, policy) }
        }
        #expect(state == before)
        #expect(taken[0].fence > lost[1].fence)
    }

    @Test("delivers what a member was lost over one at a time, and first")
    func suspects() throws {
        var (state, token) = try state("x", "y", "z")
        _ = try state.apply(
            .acknowledge(fence: try claim(&state, token, at: start)[2].fence, position: 3), at: start, policy)
        let late = start.advanced(by: .seconds(10))
        let (first, second) = (try join(&state, "b", at: late), try join(&state, "c", at: late))
        _ = try state.apply(
            .scan(token: first, from: state.scanned, events: [(4, "v"), (5, "w")], through: 5), at: late, policy)
        let taken = try claim(&state, first, at: late)
        #expect(taken.map(\.position) == [1])
        #expect(try claim(&state, first, at: late).isEmpty)
        #expect(try claim(&state, second, at: late).map(\.position) == [2])
        // One that failed has answered, and is no more suspect than others.
        _ = try state.apply(.retry(fence: taken[0].fence, position: 1, reason: ""), at: late, policy)
        #expect(try claim(&state, first, at: late).map(\.position) == [4, 5])
    }

    @Test("goes on with suspects and others beside a handler that hangs")
    func suspectBesideHanging() throws {
        var (state, token) = try state("x", "y")
        _ = try claim(&state, token, at: start)
        let late = start.advanced(by: .seconds(10))
        let second = try join(&state, "b", at: late)
        _ = try state.apply(.scan(token: second, from: state.scanned, events: [(3, "z")], through: 3), at: late, policy)
        #expect(try claim(&state, second, at: late).map(\.position) == [1])
        // Its handler never returns; the member renews its lease all the same.
        var now = late
        while now < late.advanced(by: policy.handlerTimeout + .seconds(1)) {
            now = now.advanced(by: policy.lease / 2)
            _ = try state.apply(.renew(token: second), at: now, policy)
        }
        let next = try claim(&state, second, at: now)
        #expect(next.map(\.position) == [2])
        _ = try state.apply(.acknowledge(fence: next[0].fence, position: 2), at: now, policy)
        #expect(try claim(&state, second, at: now).map(\.position) == [3])
    }

    @Test("does not park an event for another's fault, however few deliveries are allowed")
    func innocent() throws {
        let policy = ConsumerPolicy(lease: .seconds(5), deliveries: 1, backoff: .zero)
        var state = ConsumerGroupState(after: .start)
        guard case .joined(let token)? = try state.apply(.join("a"), at: start, policy).first else { return }
        _ = try state.apply(
            .scan(token: token, from: .start, events: [(1, "x"), (2, "y")], through: 2), at: start, policy)
        _ = try state.apply(.claim(token: token), at: start, policy)
        let late = start.advanced(by: .seconds(10))
        guard case .joined(let second)? = try state.apply(.join("b"), at: late, policy).first else { return }
        #expect(state.held.isEmpty)
        guard case .deliver(1, _, _, _, _)? = try state.apply(.claim(token: second), at: late, policy).first else {
            Issue.record("\(state)")
            return
        }
        let later = late.advanced(by: .seconds(10))
        _ = try state.apply(.join("c"), at: later, policy)
        #expect(state.held.keys.map(\.rawValue) == ["x"])
    }

    @Test("refuses an answer at the very moment at which the lease ends, though nobody took the event")
    func leaseBound() throws {
        var (state, token) = try state("x")
        let fence = try claim(&state, token, at: start)[0].fence
        var early = state
        _ = try early.apply(
            .acknowledge(fence: fence, position: 1), at: Timestamp(microseconds: 9_999_999), policy)
        #expect(early.checkpoint == 1)
        #expect(throws: ConsumerRefusal.deliveryLost(position: 1, fence: fence)) {
            try state.apply(
                .acknowledge(fence: fence, position: 1), at: Timestamp(microseconds: 10_000_000), policy)
        }
    }

    @Test("waits twice as long before each delivery, up to a bound, and parks after the last")
    func backoff() throws {
        let waits = ConsumerPolicy(backoff: .seconds(1), backoffCeiling: .seconds(3))
        #expect((1...4).map { waits.wait(after: $0) } == [.seconds(1), .seconds(2), .seconds(3), .seconds(3)])
        var (state, token) = try state("x", "x", "y")
        var now = start
        for attempt in 1...3 {
            let claimed = try claim(&state, token, at: now).filter { $0.position == 1 }
            #expect(claimed.map(\.attempt) == [attempt])
            _ = try state.apply(.retry(fence: claimed[0].fence, position: 1, reason: "no"), at: now, policy)
            let due = now.advanced(by: policy.wait(after: attempt))
            _ = try state.apply(.renew(token: token), at: now, policy)
            #expect(
                try claim(&state, token, at: Timestamp(microseconds: due.microseconds - 1)).allSatisfy {
                    $0.position == 3
                })
            now = due
        }
        #expect(state.held["x"]?.parking?.reason == "no")
        #expect(state.held["x"]?.events.map(\.position) == [1, 2])
        #expect(state.window.map(\.position) == [3])
        #expect(state.checkpoint == 2 && state.settled == 0)
    }

    @Test("parks an event over which members were lost, after exactly as many deliveries")
    func lostMembers() throws {
        var (state, _) = try state("x")
        var now = start
        for attempt in 1...3 {
            let token = try join(&state, "a", at: now)
            #expect(try claim(&state, token, at: now).map(\.attempt) == [attempt])
            now = now.advanced(by: .seconds(11))
        }
        let token = try join(&state, "a", at: now)
        #expect(try claim(&state, token, at: now).isEmpty)
        #expect(state.held["x"]?.events.first?.deliveries == 3 && state.held["x"]?.parking != nil)
    }

    @Test("waits no longer than a lease for a member whose clock was ahead")
    func leaseOfClockAhead() throws {
        var (state, _) = try state("x")
        let ahead = start.advanced(by: .seconds(86_400))
        let former = try join(&state, "former", at: ahead)
        #expect(try claim(&state, former, at: ahead).map(\.position) == [1])
        let next = try join(&state, "next", at: start)
        #expect(try claim(&state, next, at: start).isEmpty)
        let late = start.advanced(by: policy.lease - .microseconds(1))
        _ = try state.apply(.renew(token: next), at: late, policy)
        let end = start.advanced(by: policy.lease)
        #expect(try claim(&state, next, at: end).map(\.position) == [1])
        #expect(state.members.keys.sorted() == [next])
    }

    @Test("does not end the lease of a member for a clock that is behind by less than a lease")
    func leaseAndClockBehind() throws {
        var (state, token) = try state("x")
        _ = try state.apply(.renew(token: token), at: start.advanced(by: .seconds(9)), policy)
        _ = try join(&state, "behind", at: start)
        #expect(state.members[token]?.expiresAt == start.advanced(by: .seconds(19)))
    }

    @Test("waits no longer than the longest wait for a retry that a clock ahead put off", arguments: [false, true])
    func retryOfClockAhead(isReplayed: Bool) throws {
        var (state, _) = try state("x")
        let ahead = start.advanced(by: .seconds(86_400))
        let former = try join(&state, "former", at: ahead)
        if isReplayed {
            let fence = try claim(&state, former, at: ahead)[0].fence
            _ = try state.apply(.park(fence: fence, position: 1, reason: ""), at: ahead, policy)
            _ = try state.apply(.replay("x"), at: ahead, policy)
        }
        let fence = try claim(&state, former, at: ahead)[0].fence
        _ = try state.apply(.retry(fence: fence, position: 1, reason: ""), at: ahead, policy)
        let next = try join(&state, "next", at: start)
        #expect(try claim(&state, next, at: start).isEmpty)
        let due = start.advanced(by: policy.backoffCeiling)
        #expect(try claim(&state, next, at: due).map(\.position) == [1])
    }

    @Test("does not count a delivery that is given back in good order")
    func leave() throws {
        var (state, token) = try state("x")
        for _ in 0..<10 {
            #expect(try claim(&state, token, at: start).map(\.attempt) == [1])
            _ = try state.apply(.leave(token: token), at: start, policy)
            token = try join(&state, "a", at: start)
        }
    }

    @Test("puts out the former member of a name")
    func sameName() throws {
        var (state, token) = try state("x")
        _ = try claim(&state, token, at: start)
        let again = try join(&state, "a", at: start)
        #expect(try claim(&state, again, at: start).map(\.position) == [1])
        #expect(throws: ConsumerRefusal.leaseLost(token: token)) {
            try state.apply(.renew(token: token), at: start, policy)
        }
    }

    @Test("replays a key in order, with what arrived meanwhile, and stops it again where it fails")
    func replay() throws {
        var (state, token) = try state("x", "x", "y")
        let parked = try claim(&state, token, at: start)[0]
        _ = try state.apply(.park(fence: parked.fence, position: 1, reason: "bad"), at: start, policy)
        _ = try state.apply(
            .scan(token: token, from: 3, events: [(4, "x"), (5, "z")], through: 5), at: start, policy)
        #expect(state.held["x"]?.events.map(\.position) == [1, 2, 4])
        #expect(throws: ConsumerRefusal.keyNotParked("y")) { try state.apply(.replay("y"), at: start, policy) }
        _ = try state.apply(.replay("x"), at: start, policy)
        var order: [Position] = []
        for _ in 0..<2 {
            let next = try claim(&state, token, at: start).filter { $0.position != 3 && $0.position != 5 }
            order += next.map(\.position)
            _ = try state.apply(.acknowledge(fence: next[0].fence, position: next[0].position), at: start, policy)
        }
        #expect(order == [1, 2])
        let last = try claim(&state, token, at: start)[0]
        _ = try state.apply(.park(fence: last.fence, position: 4, reason: "worse"), at: start, policy)
        #expect(state.held["x"]?.parking?.reason == "worse" && state.held["x"]?.events.map(\.position) == [4])
    }

    @Test("skips a parked event with a reason, and lets those behind it go on")
    func skip() throws {
        var (state, token) = try state("x", "x")
        #expect(throws: ConsumerRefusal.eventNotParked(1)) {
            try state.apply(.skip(1, reason: "no"), at: start, policy)
        }
        let parked = try claim(&state, token, at: start)[0]
        _ = try state.apply(.park(fence: parked.fence, position: 1, reason: "bad"), at: start, policy)
        #expect(throws: ConsumerRefusal.eventNotParked(2)) {
            try state.apply(.skip(2, reason: "no"), at: start, policy)
        }
        let actions = try state.apply(.skip(1, reason: "paid by hand"), at: start, policy)
        #expect(
            actions == [.skipped(SkippedEvent(position: 1, key: "x", reason: "paid by hand", skippedAt: start))])
        #expect(try claim(&state, token, at: start).map(\.position) == [2])
    }

    @Test("takes a page in once, though two members have read it")
    func scan() throws {
        var (state, token) = try state("x", "y")
        let other = try join(&state, "b", at: start)
        for reader in [token, other] {
            _ = try state.apply(
                .scan(token: reader, from: 2, events: [(3, "z")], through: reader == token ? 3 : 4), at: start, policy)
        }
        #expect(state.window.map(\.position) == [1, 2, 3] && state.scanned == 3)
    }

    @Test("takes in no more than its window and what it may hold")
    func room() throws {
        let small = ConsumerPolicy(window: 4, held: 2)
        var (state, token) = try state("x", "x", "y")
        #expect(state.room(small) == 1)
        let parked = try claim(&state, token, at: start)[0]
        _ = try state.apply(.park(fence: parked.fence, position: 1, reason: "bad"), at: start, policy)
        #expect(state.room(small) == 0)
    }

    @Test("tells what was handed over once as repeated, also when that does not count: given back, or replayed")
    func repeated() throws {
        var (state, token) = try state("x", "y")
        func isRepeated(_ token: Int64, at now: Timestamp) throws -> [Position: Bool] {
            var found: [Position: Bool] = [:]
            for action in try state.apply(.claim(token: token), at: now, policy) {
                if case .deliver(let position, _, _, let isRepeated, _) = action { found[position] = isRepeated }
            }
            return found
        }
        #expect(try isRepeated(token, at: start) == [1: false, 2: false])
        _ = try state.apply(.leave(token: token), at: start, policy)
        guard case .joined(let second)? = try state.apply(.join("b"), at: start, policy).first else { return }
        let claimed = try state.apply(.claim(token: second), at: start, policy)
        for case .deliver(let position, _, let attempt, let isRepeated, let fence) in claimed {
            #expect(attempt == 1 && isRepeated)
            _ = try state.apply(.park(fence: fence, position: position, reason: "a test"), at: start, policy)
        }
        _ = try state.apply(.replay("x"), at: start, policy)
        #expect(try isRepeated(second, at: start) == [1: true])
    }
}
