import DaybookCore
import Testing

@testable import DaybookServer

/// A group with clients, driven by hand: what it reads, what it sends, and the time are the test's.
private struct Trial {
    var group: PersistentGroup
    var now = ContinuousClock.now
    private var position: Int64 = 0

    init(_ settings: PersistentSettings = PersistentSettings()) {
        group = PersistentGroup(settings: settings, now: now)
        group.load(checkpoint: nil)
    }

    static func event(
        _ position: Int64, id: EventID? = nil, stream: String = "order", metadata: String = ""
    ) -> KurrentEvent {
        let recorded = RecordedEvent(
            id: id ?? EventID(high: 0, low: UInt64(position)), type: "Placed", schemaVersion: 1, contentType: .json,
            data: Array("{}".utf8)[...], metadata: Array(metadata.utf8)[...], tags: [],
            stream: StreamName(unchecked: stream), version: StreamVersion(position - 1), position: Position(position),
            recordedAt: Timestamp(microseconds: 0))
        return KurrentEvent(recorded)!
    }

    static func id(_ position: Int64) -> EventID { EventID(high: 0, low: UInt64(position)) }

    /// Reads events at the next positions; those of a nil stream are left out by a filter.
    mutating func read(_ streams: [String?], metadata: String = "") {
        let events = streams.map { stream in
            position += 1
            return ReadEvent(
                place: GroupPlace(number: position - 1, position: position),
                wanted: stream.map {
                    ResolvedEvent(Self.event(position, stream: $0, metadata: metadata))
                })
        }
        group.take(events, isAtEnd: true)
        group.deliver(now: now)
    }

    mutating func read(_ count: Int) { read(Array(repeating: "order", count: count)) }

    mutating func connect(_ bufferSize: Int = 10) throws -> GroupClient.ID {
        let client = group.connect(name: "c", user: "u", bufferSize: bufferSize, now: now)
        group.deliver(now: now)
        return try #require(client)
    }

    mutating func pass(_ time: Duration) {
        now = now.advanced(by: time)
        group.tick(now: now)
        group.deliver(now: now)
    }

    /// The positions of what a client is sent, and how often each was delivered before.
    mutating func sent(_ client: GroupClient.ID) throws -> [Int64] { try events(client).map(\.original.position) }

    mutating func events(_ client: GroupClient.ID) throws -> [GroupEvent] {
        let events = group.takeOutgoing(for: client, atMost: 1_000)
        group.deliver(now: now)
        return try #require(events)
    }

    mutating func acknowledge(_ positions: Int64...) {
        group.acknowledge(positions.map(Self.id), now: now)
        group.deliver(now: now)
    }

    mutating func reject(_ positions: Int64..., by rejection: PersistentGroup.Rejection = .retry, reason: String = "") {
        group.reject(positions.map(Self.id), rejection, reason: reason)
        group.deliver(now: now)
    }

    /// Up to which position all is done.
    var done: Int64? { group.done?.place.position }
    /// The position of the checkpoint that is to be saved.
    var due: Int64? { group.progress.due?.place.position }
}

@Suite struct PersistentGroupTests {
    // MARK: - Delivery

    @Test func aClientIsSentAsManyAsItsBufferTakes() throws {
        var trial = Trial()
        let client = try trial.connect(3)
        trial.read(5)
        #expect(try trial.sent(client) == [1, 2, 3])
        #expect(try trial.sent(client) == [])
        trial.acknowledge(2)
        #expect(try trial.sent(client) == [4])
        trial.acknowledge(1, 3, 4)
        #expect(try trial.sent(client) == [5])
    }

    @Test func whatWasReadBeforeAClientCameIsSentToIt() throws {
        var trial = Trial()
        trial.read(2)
        let client = try trial.connect()
        #expect(try trial.sent(client) == [1, 2])
    }

    @Test func aSingleClientIsFilledBeforeTheNext() throws {
        var settings = PersistentSettings()
        settings.strategy = .dispatchToSingle
        var trial = Trial(settings)
        let first = try trial.connect(2)
        let second = try trial.connect(2)
        trial.read(5)
        #expect(try trial.sent(first) == [1, 2])
        #expect(try trial.sent(second) == [3, 4])
        trial.acknowledge(1)
        #expect(try trial.sent(first) == [5])
    }

    @Test func clientsInTurnPassOverThoseThatAreFull() throws {
        var trial = Trial()
        let first = try trial.connect(1)
        let second = try trial.connect(3)
        trial.read(6)
        #expect(try trial.sent(first) == [1])
        #expect(try trial.sent(second) == [2, 3, 4])
        trial.acknowledge(1)
        #expect(try trial.sent(first) == [5])
    }

    @Test func pinnedEventsOfAStreamStayWithAClient() throws {
        var settings = PersistentSettings()
        settings.strategy = .pinned
        var trial = Trial(settings)
        let clients = try [trial.connect(100), trial.connect(100)]
        let streams = (0..<20).map { "order-\($0)" }
        for _ in 0..<3 { trial.read(streams) }
        var owners: [String: Set<GroupClient.ID>] = [:]
        for client in clients {
            let events = try trial.events(client)
            #expect(!events.isEmpty)
            for event in events { owners[event.original.stream, default: []].insert(client) }
        }
        #expect(owners.count == 20 && owners.values.allSatisfy { $0.count == 1 })
    }

    @Test func aFullClientMakesItsPinnedEventsWaitAndNoOthers() throws {
        var settings = PersistentSettings()
        settings.strategy = .pinned
        var trial = Trial(settings)
        let clients = try [trial.connect(1), trial.connect(1)]
        // Some stream of each of them.
        var streams: [GroupClient.ID: String] = [:]
        for number in 0..<100 {
            let pin = try #require(GroupEvent.pin(of: ResolvedEvent(Trial.event(1, stream: "s\(number)")), by: .pinned))
            let owner = trial.group.selection.next(pin: pin, among: trial.group.clients)
            streams[try #require(owner)] = "s\(number)"
        }
        let (first, second) = (clients[0], clients[1])
        trial.read([streams[first], streams[first], streams[first], streams[second]])
        #expect(try trial.sent(first) == [1])
        #expect(try trial.sent(second) == [4])
        #expect(trial.group.retries.map(\.original.position) == [2, 3])
        trial.acknowledge(4)
        #expect(trial.done == nil)  // 1 is not done, and nothing is before it.
        trial.acknowledge(1)
        #expect(trial.done == 1)
        let next = try trial.events(first)
        #expect(next.map(\.original.position) == [2])
        #expect(next.map(\.retryCount) == [0])
    }

    @Test func correlationPinsEventsOfSeveralStreams() {
        let metadata = #"{"$correlationId":"c-1"}"#
        let pins = (1...20).map { number in
            GroupEvent.pin(
                of: ResolvedEvent(Trial.event(1, stream: "s\(number)", metadata: metadata)), by: .pinnedByCorrelation)
        }
        #expect(Set(pins).count == 1)
        let byStream = (1...20).map {
            GroupEvent.pin(of: ResolvedEvent(Trial.event(1, stream: "s\($0)")), by: .pinnedByCorrelation)
        }
        #expect(Set(byStream).count > 1)
        #expect(GroupEvent.pin(of: ResolvedEvent(Trial.event(1)), by: .roundRobin) == nil)
    }

    @Test func ofEventsWithOneIdentifierOneIsTracked() throws {
        var trial = Trial()
        let client = try trial.connect()
        let id = EventID()
        let twice = (1...2).map { position in
            ReadEvent(
                place: GroupPlace(position: position),
                wanted: ResolvedEvent(Trial.event(position, id: id)))
        }
        trial.group.take(twice, isAtEnd: true)
        trial.group.deliver(now: trial.now)
        #expect(try trial.sent(client) == [1, 2])
        #expect(trial.group.inFlight.count == 1)
        trial.group.acknowledge([id], now: trial.now)
        #expect(trial.done == 2)
    }

    // MARK: - Retries

    @Test func retriesComeBeforeNewEventsInOrder() throws {
        var trial = Trial()
        let client = try trial.connect(3)
        trial.read(6)
        _ = try trial.sent(client)
        trial.group.reject([Trial.id(3), Trial.id(1)], .retry, reason: "")
        trial.group.acknowledge([Trial.id(2)], now: trial.now)
        trial.group.deliver(now: trial.now)
        let events = try trial.events(client)
        #expect(events.map(\.original.position) == [1, 3, 4])
        #expect(events.map(\.retryCount) == [1, 1, 0])
    }

    @Test func moreRetriesThanAllowedPark() throws {
        var settings = PersistentSettings()
        settings.maxRetryCount = 2
        var trial = Trial(settings)
        let client = try trial.connect()
        trial.read(1)
        for count: Int32 in 0...2 {
            #expect(try trial.events(client).map(\.retryCount) == [count])
            trial.reject(1)
        }
        #expect(try trial.sent(client) == [])
        #expect(trial.group.parking.map(\.reason) == ["Reached retry count of 2"])
        #expect(trial.done == nil)
        trial.group.parked(1)
        #expect(trial.done == 1)
    }

    @Test func withoutRetriesTheFirstParks() throws {
        var settings = PersistentSettings()
        settings.maxRetryCount = 0
        var trial = Trial(settings)
        _ = try trial.connect()
        trial.read(1)
        trial.reject(1)
        #expect(trial.group.parking.count == 1)
    }

    @Test func theTimeOfAnEventIsLookedAtByTheSecond() throws {
        var settings = PersistentSettings()
        settings.messageTimeout = 5_000
        var trial = Trial(settings)
        let client = try trial.connect()
        trial.read(2)
        _ = try trial.sent(client)
        trial.acknowledge(2)
        trial.pass(.seconds(4))
        #expect(try trial.sent(client) == [])
        trial.pass(.seconds(1))
        #expect(try trial.events(client).map(\.retryCount) == [1])
        // The answer to the first delivery counts for the second.
        trial.acknowledge(1)
        #expect(trial.done == 2)
    }

    @Test func noTimeIsOverAtTheNextSecond() throws {
        var settings = PersistentSettings()
        settings.messageTimeout = 0
        var trial = Trial(settings)
        let client = try trial.connect()
        trial.read(1)
        _ = try trial.sent(client)
        trial.pass(.seconds(1))
        #expect(try trial.events(client).map(\.retryCount) == [1])
    }

    @Test func whatWasNotSentInTimeIsNotSentTwice() throws {
        var settings = PersistentSettings()
        settings.messageTimeout = 1_000
        var trial = Trial(settings)
        let slow = try trial.connect(1)
        trial.read(1)
        let other = try trial.connect(1)
        trial.pass(.seconds(1))
        #expect(try trial.sent(other) == [1])
        #expect(try trial.sent(slow) == [])
    }

    @Test func whatAClientLeavesIsTriedAgainFirst() throws {
        var trial = Trial()
        let first = try trial.connect(2)
        trial.read(4)
        _ = try trial.sent(first)
        trial.acknowledge(1)
        // 3 was given to the client, and not sent.
        trial.group.disconnect(first)
        let left = trial.group.takeOutgoing(for: first, atMost: 1)?.count
        #expect(left == nil)
        #expect(trial.group.inFlight.isEmpty && trial.group.bytesInFlight == 0)
        let second = try trial.connect()
        let events = try trial.events(second)
        #expect(events.map(\.original.position) == [2, 3, 4])
        #expect(events.map(\.retryCount) == [1, 0, 0])
    }

    @Test func skippedEventsAreDoneAndStopDoesNothing() throws {
        var trial = Trial()
        let client = try trial.connect()
        trial.read(2)
        _ = try trial.sent(client)
        trial.reject(1, by: .skip)
        trial.reject(2, by: .stop)
        trial.acknowledge(99)
        #expect(trial.done == 1)
        #expect(trial.group.inFlight.count == 1)
    }

    @Test func asManyClientsAsMayBe() throws {
        var settings = PersistentSettings()
        settings.maxSubscriberCount = 1
        var trial = Trial(settings)
        let client = try trial.connect()
        let second = trial.group.connect(name: "", user: "", bufferSize: 1, now: trial.now)
        #expect(second == nil)
        trial.group.disconnect(client)
        _ = try trial.connect()
    }

    // MARK: - Checkpoints

    @Test func theCheckpointStaysBelowWhatIsNotDone() throws {
        var trial = Trial()
        let client = try trial.connect(3)
        trial.read(["a", nil, "a", "a", nil, "a", nil])
        #expect(try trial.sent(client) == [1, 3, 4])
        #expect(trial.done == nil)
        trial.acknowledge(1)
        #expect(trial.done == 2)  // What the filter leaves out is done.
        trial.acknowledge(4)
        #expect(trial.done == 2)
        trial.reject(3)
        #expect(trial.done == 2)
        _ = try trial.sent(client)
        trial.acknowledge(3)
        #expect(trial.done == 5)
        trial.acknowledge(6)
        #expect(trial.done == 7)
    }

    @Test func enoughEventsMakeACheckpointAtOnce() throws {
        var settings = PersistentSettings()
        settings.maxCheckpointCount = 3
        settings.checkpointAfter = 0
        var trial = Trial(settings)
        let client = try trial.connect()
        trial.read(5)
        _ = try trial.sent(client)
        trial.acknowledge(1, 2)
        trial.pass(.seconds(100))
        #expect(trial.due == nil)
        trial.acknowledge(3)
        let due = try #require(trial.group.progress.due)
        #expect(due.place.position == 3)
        trial.acknowledge(4)
        trial.group.progress.save(due, now: trial.now)
        #expect(trial.group.progress.saved?.number == 2)
        trial.acknowledge(5)
        #expect(trial.due == 4)
    }

    @Test func timeMakesACheckpointOfSomeEvents() throws {
        var settings = PersistentSettings()
        settings.minCheckpointCount = 2
        settings.checkpointAfter = 2_000
        var trial = Trial(settings)
        let client = try trial.connect()
        trial.read(2)
        _ = try trial.sent(client)
        trial.acknowledge(1)
        trial.pass(.seconds(3))
        #expect(trial.due == nil)
        trial.acknowledge(2)
        #expect(trial.due == nil)
        trial.pass(.seconds(1))
        #expect(trial.due == 2)
    }

    @Test func whatGoesByInTheLogMovesTheCheckpoint() throws {
        var settings = PersistentSettings()
        settings.minCheckpointCount = 100
        var trial = Trial(settings)
        trial.group.pass(50_000)
        #expect(trial.done == nil)  // Nothing was read: the settings say where the group begins.
        let client = try trial.connect()
        trial.read(1)
        _ = try trial.sent(client)
        trial.group.pass(20_000)
        trial.pass(.seconds(10))
        #expect(trial.due == nil)  // The event is not done.
        trial.acknowledge(1)
        trial.pass(.seconds(1))
        #expect(trial.due == nil)
        trial.group.pass(30_000)
        trial.pass(.seconds(1))
        #expect(trial.due == 30_000)
        let due = try #require(trial.group.progress.due)
        #expect(due.place.number == 0)
        trial.group.progress.save(due, now: trial.now)
        trial.pass(.seconds(1))
        #expect(trial.due == nil)
    }

    @Test func aGroupThatWasLoadedGoesOnFromItsCheckpoint() throws {
        var group = PersistentGroup(settings: PersistentSettings(), now: .now)
        group.load(checkpoint: GroupPlace(number: 6, position: 70))
        #expect(group.done?.place.position == 70)
        group.take(
            [
                ReadEvent(
                    place: GroupPlace(number: 7, position: 80),
                    wanted: ResolvedEvent(Trial.event(80)))
            ], isAtEnd: true)
        #expect(group.done?.place.number == 6)
    }

    // MARK: - Parking

    @Test func aClientParksWithItsReason() throws {
        var trial = Trial()
        let client = try trial.connect(1)
        trial.read(2)
        _ = try trial.sent(client)
        trial.reject(1, by: .park, reason: "broken")
        #expect(trial.group.parking.map(\.reason) == ["Client explicitly NAK'ed message.\nbroken"])
        #expect(try trial.sent(client) == [2])
        let link = ParkedStream.link(to: trial.group.parking[0], at: Timestamp(microseconds: 0))
        #expect(String(decoding: link.data, as: UTF8.self) == "0@order")
        #expect(link.type == "$>" && link.contentType == .bytes)
        #expect(
            String(decoding: link.metadata, as: UTF8.self)
                == #"{"added":"1970-01-01T00:00:00.000000Z","reason":"Client explicitly NAK'ed message.\u000abroken","#
                + #""subscriptionEventNumber":0}"#)
    }

    @Test func whenTooMuchWaitsToBeParkedNothingIsDelivered() throws {
        var trial = Trial()
        let client = try trial.connect(1_000)
        trial.read(PersistentGroup.parkingHeld + 10)
        let sent = try trial.sent(client)
        trial.group.reject(sent.map(Trial.id), .park, reason: "")
        trial.read(1)
        #expect(try trial.sent(client) == [])
        trial.group.parked(20)
        trial.group.deliver(now: trial.now)
        #expect(try trial.sent(client) == [Int64(PersistentGroup.parkingHeld + 11)])
    }

    @Test func parkedEventsAreDeliveredFirstAndHaveNoPartInTheCheckpoint() throws {
        var trial = Trial()
        trial.read(2)
        let isBegun = trial.group.beginReplay(from: 0, to: 2)
        let isBegunTwice = trial.group.beginReplay(from: 0, to: 2)
        #expect(isBegun && !isBegunTwice)
        let links = (0..<3).map { number in
            let link = Trial.event(
                Int64(number) + 1, id: EventID(high: 1, low: UInt64(number)), stream: "$persistentsubscription-x-parked"
            )
            return ResolvedEvent(link: link, target: Trial.event(100 + Int64(number)))
        }
        trial.group.takeParked(links, next: 3)
        let client = try trial.connect(3)
        let events = try trial.events(client)
        #expect(events.map(\.retryCount) == [0, 0, 0])
        #expect(events.map { $0.resolved.link == nil ? nil : $0.resolved.event?.position } == [100, 101, nil])
        trial.acknowledge(1)
        #expect(trial.done == 1)
        #expect(trial.group.parkedTruncation == nil)
        trial.group.acknowledge([EventID(high: 1, low: 0)], now: trial.now)
        trial.group.reject([EventID(high: 1, low: 1)], .park, reason: "again")
        trial.group.deliver(now: trial.now)
        #expect(trial.group.parkedTruncation == nil)
        trial.group.parked(1)
        #expect(trial.group.parkedTruncation == 2)
        #expect(trial.done == 1)
        trial.group.truncatedParked(before: 2)
        #expect(trial.group.parkedTruncation == nil)
        // The next replay begins behind this one, whatever the log still shows.
        let isBegunAgain = trial.group.beginReplay(from: 0, to: 4)
        #expect(isBegunAgain)
        #expect(trial.group.replay?.next == 2)
    }

    // MARK: - Bounds

    @Test func asMuchIsReadAsThereIsRoomFor() throws {
        var settings = PersistentSettings()
        settings.historyBufferSize = 50
        settings.liveBufferSize = 30
        settings.readBatchSize = 20
        var trial = Trial(settings)
        #expect(trial.group.wantedEvents == 20)
        trial.read(20)
        #expect(trial.group.wantedEvents == 0)  // Live, where 30 may wait.
        trial.group.take([], isAtEnd: false)
        #expect(trial.group.wantedEvents == 20)
        trial.read(20)
        #expect(trial.group.wantedEvents == 0)
        let client = try trial.connect(100)
        _ = try trial.sent(client)
        #expect(trial.group.wantedEvents == 20)
    }

    @Test func sizesThatMakeNoSenseStillRead() {
        var settings = PersistentSettings()
        settings.historyBufferSize = 0
        settings.liveBufferSize = -1
        settings.readBatchSize = 0
        var trial = Trial(settings)
        #expect(trial.group.wantedEvents == 1)
        trial.read(1)
        #expect(trial.group.wantedEvents == 0)
    }

    /// Clients that come, go, answer and do not: in the end every event was done once, or is parked.
    @Test(arguments: ConsumerStrategy.allCases, [1 as UInt64, 2, 3, 4, 5])
    func nothingIsLost(_ strategy: ConsumerStrategy, _ seed: UInt64) throws {
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var settings = PersistentSettings()
        settings.strategy = strategy
        settings.maxRetryCount = 3
        settings.messageTimeout = 2_000
        var trial = Trial(settings)
        var clients: [GroupClient.ID] = []
        var read: Int64 = 0
        var wanted = 0
        var finished: Set<Int64> = []
        var lowest: Int64 = 0
        func parkAll() {
            finished.formUnion(trial.group.parking.map(\.event.original.position))
            trial.group.parked(trial.group.parking.count)
        }
        for _ in 0..<2_000 {
            switch random(10) {
            case 0 where clients.count < 5: clients.append(try trial.connect(1 + random(8)))
            case 1 where clients.count > 1:
                trial.group.disconnect(clients.remove(at: random(clients.count)))
            case 2 where trial.group.wantedEvents > 0:
                let count = 1 + random(trial.group.wantedEvents)
                let streams = (0..<count).map { _ -> String? in random(4) == 0 ? nil : "s\(random(9))" }
                trial.read(streams)
                wanted += streams.count { $0 != nil }
                read += Int64(count)
            case 3: trial.pass(.seconds(1))
            case 4: parkAll()
            default:
                guard !clients.isEmpty else { continue }
                for event in try trial.events(clients[random(clients.count)]) {
                    switch random(8) {
                    case 0: trial.reject(event.original.position)
                    case 1: break  // Takes too long.
                    default:
                        trial.acknowledge(event.original.position)
                        finished.insert(event.original.position)
                    }
                }
            }
            // The checkpoint never goes back, and never passes what is not done.
            let done = trial.done ?? 0
            #expect(done >= lowest)
            lowest = done
            let undone = trial.group.inFlight.values.map(\.event) + trial.group.retries
            #expect(undone.allSatisfy { $0.original.position > done })
            #expect(trial.group.clients.values.map(\.inFlight).reduce(0, +) == trial.group.inFlight.count)
        }
        let last = try trial.connect(1_000)
        for client in clients { trial.group.disconnect(client) }
        for _ in 0..<100 {
            trial.group.deliver(now: trial.now)
            for event in try trial.events(last) {
                trial.acknowledge(event.original.position)
                finished.insert(event.original.position)
            }
            parkAll()
        }
        #expect(finished.count == wanted)
        #expect(trial.done == read)
        #expect(trial.group.unfinished.isEmpty && trial.group.bytesInFlight == 0)
    }
}
