import DaybookCore

/// What happens to a consumer group.
enum ConsumerInput: Sendable {
    case join(ConsumerMemberName)
    case renew(token: Int64)
    case leave(token: Int64)
    /// The events that lie behind `from`, through a position. Comes to nothing when another member was first.
    case scan(token: Int64, from: Position, events: [(position: Position, key: ConsumerKey)], through: Position)
    /// A member asks for as many events as it may handle.
    case claim(token: Int64)
    case acknowledge(fence: Int64, position: Position)
    case acknowledgeAll([(fence: Int64, position: Position)])
    case retry(fence: Int64, position: Position, reason: String)
    case park(fence: Int64, position: Position, reason: String)
    /// Works the events of a parked key off again, in order.
    case replay(ConsumerKey)
    case skip(Position, reason: String)
}

extension [ConsumerInput] {
    /// The same, with acknowledgements that follow each other in one.
    var gathered: [ConsumerInput] {
        var gathered: [ConsumerInput] = []
        var acknowledged: [(fence: Int64, position: Position)] = []
        func flush() {
            if !acknowledged.isEmpty { gathered.append(.acknowledgeAll(acknowledged)) }
            acknowledged = []
        }
        for input in self {
            if case .acknowledge(let fence, let position) = input {
                acknowledged.append((fence, position))
            } else {
                flush()
                gathered.append(input)
            }
        }
        flush()
        return gathered
    }
}

/// What is to be done when the state that an input led to is saved, and not before.
enum ConsumerAction: Sendable, Equatable {
    case joined(token: Int64)
    case deliver(position: Position, key: ConsumerKey, deliveries: Int, isRepeated: Bool, fence: Int64)
    case skipped(SkippedEvent)
}

extension ConsumerGroupState {
    /// Takes an input into account; a pure function of state, input and time.
    ///
    /// - Throws: ``ConsumerRefusal``, when the input has no right to change anything.
    mutating func apply(
        _ input: ConsumerInput, at now: Timestamp, _ policy: ConsumerPolicy
    ) throws(ConsumerRefusal) -> [ConsumerAction] {
        expire(at: now, policy)
        switch input {
        case .join(let name):
            for former in members.values where former.name == name { remove(former.token, at: now, policy) }
            lastToken += 1
            members[lastToken] = Member(name: name, token: lastToken, expiresAt: now.advanced(by: policy.lease))
            return [.joined(token: lastToken)]
        case .renew(let token):
            try check(token)
            members[token]?.expiresAt = now.advanced(by: policy.lease)
        case .leave(let token):
            try check(token)
            // Given back in good order: the delivery does not count.
            changeDelivered(by: token) { entry in
                entry.deliveries -= 1
                entry.delivery = nil
            }
            members[token] = nil
        case .scan(let token, let from, let events, let through):
            try check(token)
            guard from == scanned, through > scanned else { return [] }
            for event in events {
                let entry = Entry(position: event.position, key: event.key)
                if held[event.key] == nil { window.append(entry) } else { held[event.key]?.events.append(entry) }
            }
            scanned = through
        case .claim(let token):
            try check(token)
            return claim(token, at: now, policy)
        case .acknowledge(let fence, let position): settle(try place(of: position, fence: fence))
        case .acknowledgeAll(let deliveries): try acknowledge(deliveries)
        case .retry(let fence, let position, let reason):
            let place = try place(of: position, fence: fence)
            var entry = self[place]
            entry.delivery = nil
            entry.isSuspect = nil  // Its handler has answered.
            entry.dueAt = now.advanced(by: policy.wait(after: entry.deliveries))
            self[place] = entry
            giveBack(behind: place)
            if entry.deliveries >= policy.deliveries { park(place, reason, at: now) }
        case .park(let fence, let position, let reason):
            park(try place(of: position, fence: fence), reason, at: now)
        case .replay(let key):
            guard let stopped = held[key], stopped.parking != nil else { throw .keyNotParked(key) }
            held[key]?.parking = nil
            held[key]?.events[0].deliveries = 0
            held[key]?.events[0].dueAt = nil
        case .skip(let position, let reason):
            guard let (key, stopped) = held.first(where: { $0.value.events.first?.position == position }),
                stopped.parking != nil
            else { throw .eventNotParked(position) }
            settle(.held(key))
            held[key]?.parking = nil
            return [
                .skipped(
                    SkippedEvent(position: position, key: key, reason: Self.bounded(reason), skippedAt: now))
            ]
        }
        return []
    }

    // MARK: Delivering

    private mutating func claim(_ token: Int64, at now: Timestamp, _ policy: ConsumerPolicy) -> [ConsumerAction] {
        guard isActive(token, policy) else { return [] }
        var room = policy.inFlight - inFlight(of: token)
        var actions: [ConsumerAction] = []
        let places = nextPlaces
        // A handler that hangs holds up its own key and no other.
        func isAtWork(_ delivery: Delivery) -> Bool {
            delivery.member == token && delivery.since.map { $0.advanced(by: policy.handlerTimeout) >= now } ?? true
        }
        if let suspect = places.first(where: { self[$0].isSuspect == true && self[$0].delivery == nil }) {
            // A member that has something else in hand waits until it has not.
            if room > 0, !deliveries(of: token).contains(where: isAtWork) {
                deliver(suspect, to: token, at: now, &room, &actions)
            }
            return actions
        }
        guard !places.contains(where: { self[$0].isSuspect == true && self[$0].delivery.map(isAtWork) ?? false }) else {
            return []
        }
        var runs: [ConsumerKey: Int] = [:]
        for place in places where room > 0 {
            let isDelivered = deliver(place, to: token, at: now, &room, &actions)
            if isDelivered, policy.run > 1, case .window = place { runs[self[place].key] = policy.run - 1 }
        }
        if !runs.isEmpty { lengthen(runs, to: token, at: now, &room, &actions) }
        return actions
    }

    /// Delivers what stands behind each key's first event, as far as nothing is in the way.
    private mutating func lengthen(
        _ runs: [ConsumerKey: Int], to token: Int64, at now: Timestamp, _ room: inout Int,
        _ actions: inout [ConsumerAction]
    ) {
        var runs = runs
        var first: Set<ConsumerKey> = []
        for index in window.indices where room > 0 {
            let key = window[index].key
            guard let left = runs[key], left > 0, !first.insert(key).inserted else { continue }
            guard window[index].isSuspect != true, deliver(.window(index), to: token, at: now, &room, &actions) else {
                runs[key] = 0
                continue
            }
            runs[key] = left - 1
        }
    }

    /// The first open event of each key. Keys that are worked off again come first, so that they catch up.
    private var nextPlaces: [Place] {
        var places = held.filter { $0.value.parking == nil }.keys.sorted().map { Place.held($0) }
        var seen: Set<ConsumerKey> = []
        for index in window.indices where seen.insert(window[index].key).inserted { places.append(.window(index)) }
        return places
    }

    /// - Returns: Whether the event may be delivered now.
    @discardableResult
    private mutating func deliver(
        _ place: Place, to token: Int64, at now: Timestamp, _ room: inout Int, _ actions: inout [ConsumerAction]
    ) -> Bool {
        var entry = self[place]
        guard entry.delivery == nil, entry.dueAt.map({ $0 <= now }) ?? true else { return false }
        lastToken += 1
        entry.deliveries += 1
        let isRepeated = entry.deliveries > 1 || entry.wasDelivered == true
        entry.wasDelivered = true
        entry.delivery = Delivery(member: token, fence: lastToken, since: now)
        self[place] = entry
        room -= 1
        actions.append(
            .deliver(
                position: entry.position, key: entry.key, deliveries: entry.deliveries, isRepeated: isRepeated,
                fence: lastToken))
        return true
    }

    // MARK: Places of events

    private enum Place {
        case window(Int)
        /// The first event of a held key.
        case held(ConsumerKey)
    }

    private subscript(_ place: Place) -> Entry {
        get {
            switch place {
            case .window(let index): window[index]
            case .held(let key): held[key]?.events.first ?? Entry(position: .start, key: key)
            }
        }
        set {
            switch place {
            case .window(let index): window[index] = newValue
            case .held(let key): held[key]?.events[0] = newValue
            }
        }
    }

    /// Whether the delivery that an answer is about is neither settled nor taken away.
    func isOpen(_ answer: ConsumerInput) -> Bool {
        switch answer {
        case .acknowledge(let fence, let position), .retry(let fence, let position, _),
            .park(let fence, let position, _):
            (try? place(of: position, fence: fence)) != nil
        default: true
        }
    }

    /// Where an event is that was delivered with this fence, by a member whose lease runs.
    private func place(of position: Position, fence: Int64) throws(ConsumerRefusal) -> Place {
        if let index = index(of: position), window[index].delivery?.fence == fence { return .window(index) }
        if let key = held.first(where: {
            $0.value.events.first?.position == position && $0.value.events.first?.delivery?.fence == fence
        })?.key {
            return .held(key)
        }
        throw .deliveryLost(position: position, fence: fence)
    }

    /// Where the window has a position, by halving.
    private func index(of position: Position) -> Int? {
        var (low, high) = (0, window.count)
        while low < high {
            let middle = (low + high) / 2
            if window[middle].position < position { low = middle + 1 } else { high = middle }
        }
        return low < window.count && window[low].position == position ? low : nil
    }

    /// Settles all of them, and moves what is left of the window once.
    private mutating func acknowledge(
        _ deliveries: [(fence: Int64, position: Position)]
    ) throws(ConsumerRefusal) {
        var settled: Set<Position> = []
        for delivery in deliveries {
            let place = try place(of: delivery.position, fence: delivery.fence)
            if case .window = place { settled.insert(delivery.position) } else { settle(place) }
        }
        if !settled.isEmpty { window.removeAll { settled.contains($0.position) } }
    }

    /// Takes back what was delivered behind an event of its key that could not be handled: it does not count.
    private mutating func giveBack(behind place: Place) {
        guard case .window(let first) = place else { return }
        for index in window.indices.dropFirst(first + 1)
        where window[index].key == window[first].key && window[index].delivery != nil {
            window[index].deliveries -= 1
            window[index].delivery = nil
        }
    }

    private mutating func settle(_ place: Place) {
        switch place {
        case .window(let index): window.remove(at: index)
        case .held(let key):
            held[key]?.events.removeFirst()
            if held[key]?.events.isEmpty == true { held[key] = nil }
        }
    }

    /// Stops a key at an event; what follows of the key waits behind it.
    private mutating func park(_ place: Place, _ reason: String, at now: Timestamp) {
        var entry = self[place]
        entry.delivery = nil
        entry.dueAt = nil
        entry.isSuspect = nil
        self[place] = entry
        giveBack(behind: place)
        let parking = HeldKey.Parking(reason: Self.bounded(reason), parkedAt: now)
        switch place {
        case .held(let key): held[key]?.parking = parking
        case .window:
            held[entry.key] = HeldKey(parking: parking, events: window.filter { $0.key == entry.key })
            window.removeAll { $0.key == entry.key }
        }
    }

    // MARK: Members

    private func check(_ token: Int64) throws(ConsumerRefusal) {
        guard members[token] != nil else { throw .leaseLost(token: token) }
    }

    private mutating func expire(at now: Timestamp, _ policy: ConsumerPolicy) {
        for member in members.values.sorted(by: { $0.token < $1.token }) where member.expiresAt <= now {
            remove(member.token, at: now, policy)
        }
        shortenWaits(at: now, policy)
    }

    /// Bounds what a clock that was ahead has put off: nobody waits longer for it than a lease, or the longest wait.
    ///
    /// A lease is left alone up to two leases from now, so that a clock that is behind by less than one ends nobody's.
    private mutating func shortenWaits(at now: Timestamp, _ policy: ConsumerPolicy) {
        let leaseEnd = now.advanced(by: policy.lease)
        let latestEnd = leaseEnd.advanced(by: policy.lease)
        for member in members.values where member.expiresAt > latestEnd {
            members[member.token]?.expiresAt = leaseEnd
        }
        let latestDue = now.advanced(by: policy.backoffCeiling)
        for index in window.indices {
            if let dueAt = window[index].dueAt, dueAt > latestDue { window[index].dueAt = latestDue }
        }
        for (key, stopped) in held {
            if let dueAt = stopped.events.first?.dueAt, dueAt > latestDue { held[key]?.events[0].dueAt = latestDue }
        }
    }

    /// Takes away what a member was working on. It may have died of it, so the deliveries count.
    private mutating func remove(_ token: Int64, at now: Timestamp, _ policy: ConsumerPolicy) {
        members[token] = nil
        // An event is guilty that was delivered alone; the others may have been next to one that is.
        var guilty: Set<Position> = []
        changeDelivered(by: token) { entry in
            entry.delivery = nil
            if entry.isSuspect == true, entry.deliveries >= policy.deliveries { guilty.insert(entry.position) }
            // Where no number of deliveries parks an event, none has to be delivered alone to be found out.
            if policy.deliveries < .max { entry.isSuspect = true }
        }
        let reason = "It was delivered \(policy.deliveries) times, and a member was lost over it each time or the last."
        while let index = window.firstIndex(where: { guilty.contains($0.position) }) {
            park(.window(index), reason, at: now)
        }
        for (key, stopped) in held where stopped.parking == nil {
            guard let first = stopped.events.first, guilty.contains(first.position) else { continue }
            park(.held(key), reason, at: now)
        }
    }

    private mutating func changeDelivered(by token: Int64, _ change: (inout Entry) -> Void) {
        for index in window.indices where window[index].delivery?.member == token { change(&window[index]) }
        for key in Array(held.keys) {
            guard var first = held[key]?.events.first, first.delivery?.member == token else { continue }
            change(&first)
            held[key]?.events[0] = first
        }
    }

    /// Reasons are kept up to 1 000 characters.
    private static func bounded(_ reason: String) -> String { String(reason.prefix(1000)) }
}
