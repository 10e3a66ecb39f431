import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Synchronization
import Testing

@testable import Daybook

@Suite("A receiver", .timeLimit(.minutes(2)))
struct EventReceiverTests {
    struct Away: Error {}

    private static let policy = ConsumerPolicy(inFlight: 8, deliveries: .max, backoff: .zero)

    private func event(_ id: Int, of key: String = "a", _ data: String = "{}") -> CloudEvent {
        CloudEvent(
            id: "\(id)", source: "/shop", type: "order.placed", subject: key,
            time: Timestamp("2012-06-21T09:30:00Z"), data: Array(data.utf8), extensions: ["schemaversion": "2"])
    }

    private func place(_ event: CloudEvent) throws -> Placement? {
        guard event.type == "order.placed" else { return nil }
        return Placement(
            stream: try StreamName("order-\(event.orderingKey)"), event: NewEvent(received: event, tags: ["shop"]))
    }

    private func recorded(_ store: any EventStore) async throws -> [RecordedEvent] {
        try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 1000).events
    }

    @Test("records what arrives once, with where it comes from", arguments: TestStore.all)
    func intoTheLog(_ kind: TestStore) async throws {
        let store = try await kind.make()
        for _ in 0..<2 {
            let source = TestSource(batch: 3)
            for id in 0..<5 { source.add(event(id, of: id.isMultiple(of: 2) ? "a" : "b", #"{"n":\#(id)}"#)) }
            source.add(CloudEvent(id: "9", source: "/shop", type: "weather", data: []))
            try await EventReceiver("r", from: source, in: store, policy: Self.policy).run(into: store, place)
            #expect(source.committed() == 6)
        }
        let events = try await recorded(store)
        #expect(events.count == 5)
        for (stream, numbers) in [("order-a", [0, 2, 4]), ("order-b", [1, 3])] {
            let own = events.filter { $0.stream.rawValue == stream }
            #expect(own.map { String(decoding: $0.data, as: UTF8.self) } == numbers.map { #"{"n":\#($0)}"# })
        }
        // Keys are recorded beside each other: which of the two begins is open.
        let first = try #require(events.first { $0.stream.rawValue == "order-a" })
        let metadata = try EventMetadata(decoding: first.metadata)
        #expect(metadata.additional["cloudEventSource"] == "/shop" && metadata.causationID == "0")
        #expect(metadata.occurredAt == Timestamp("2012-06-21T09:30:00Z"))
        #expect(first.schemaVersion == 2 && first.tags == ["shop"])
    }

    @Test("has a failed event again until it is handled, in order, and tells the source after that")
    func retries() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        for id in 0..<6 { source.add(event(id)) }
        let handled = Mutex((ids: [String](), failures: 20))
        try await EventReceiver("r", from: source, in: store, policy: Self.policy).run { event in
            #expect(source.committed() == 0)
            try handled.withLock { handled in
                if handled.failures > 0, event.id == "2" {
                    handled.failures -= 1
                    throw Away()
                }
                handled.ids.append(event.id)
            }
        }
        #expect(handled.withLock(\.ids) == ["0", "1", "2", "3", "4", "5"])
        #expect(handled.withLock(\.failures) == 0)
        #expect(source.committed() == 6)
    }

    @Test(
        "stops a key at a parked event and no other, and replays it with what waits, in order", arguments: TestStore.all
    )
    func parks(_ kind: TestStore) async throws {
        let store = try await kind.make()
        let source = TestSource(batch: 4)
        for id in 0..<12 { source.add(event(id, of: ["a", "b/c", "b"][id % 3])) }
        let handled = Mutex((ids: [String](), isMended: false))
        let handler: @Sendable (CloudEvent) async throws -> Void = { event in
            try handled.withLock { handled in
                if event.id == "4", !handled.isMended { throw ParkEvent("no such customer") }
                handled.ids.append(event.id)
            }
        }
        let receiver = EventReceiver("r", from: source, in: store, policy: Self.policy)
        try await receiver.run(handler)
        #expect(source.committed() == 12)
        let parked = try await receiver.parked()
        #expect(parked.map(\.key) == ["b/c"] && parked.map(\.reason) == ["no such customer"])
        #expect(parked.map(\.waiting) == [2])
        #expect(try parked.map { try $0.message.content.get().id } == ["4"])
        let others = handled.withLock { Set($0.ids) }
        #expect(others == ["0", "1", "2", "3", "5", "6", "8", "9", "11"])
        // Not mended: it stays where it is.
        await #expect(throws: ParkEvent("no such customer")) { try await receiver.replay("b/c", handler) }
        #expect(try await receiver.parked().map(\.waiting) == [2])
        await #expect(throws: ReceiverError.notParked(key: "b")) { try await receiver.replay("b", handler) }
        // What arrives now waits, too.
        source.add(event(13, of: "b/c"))
        try await receiver.run(handler)
        #expect(try await receiver.parked().map(\.waiting) == [3])
        handled.withLock { handled in
            handled.isMended = true
            handled.ids = []
        }
        #expect(try await receiver.replay("b/c", handler) == 4)
        #expect(handled.withLock(\.ids) == ["4", "7", "10", "13"])
        #expect(try await receiver.parked().isEmpty)
        // And what comes after is handled at once.
        source.add(event(16, of: "b/c"))
        try await receiver.run(handler)
        #expect(handled.withLock(\.ids.last) == "16")
    }

    @Test("parks after as many tries as the policy says, and leaves out what is skipped")
    func tries() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        for id in 0..<3 { source.add(event(id)) }
        let tries = Mutex(0)
        let receiver = EventReceiver(
            "r", from: source, in: store, policy: ConsumerPolicy(deliveries: 3, backoff: .zero))
        try await receiver.run { _ in
            tries.withLock { $0 += 1 }
            throw Away()
        }
        #expect(tries.withLock { $0 } == 3)
        #expect(try await receiver.parked().map(\.waiting) == [2])
        #expect(try await receiver.skip("a").origin == "0@0")
        #expect(try await receiver.replay("a") { _ in } == 2)
        await #expect(throws: ReceiverError.notParked(key: "a")) { try await receiver.skip("a") }
    }

    @Test("parks what is no event, or stops at it, as the policy says")
    func unreadable() async throws {
        let error = InvalidCloudEvent(.unknownForm("no header"))
        for policy in [UnreadableEventPolicy.park, .stop] {
            let store = InMemoryEventStore()
            let source = TestSource()
            source.add(.failure(error), body: [1, 2, 3])
            source.add(event(1))
            let receiver = EventReceiver(
                "r", from: source, in: store, policy: ConsumerPolicy(backoff: .zero, unreadable: policy))
            if policy == .stop {
                await #expect(throws: ReceiverError.unreadable(origin: "0@0", error)) {
                    try await receiver.run { _ in }
                }
                #expect(source.committed() == 0)
            } else {
                try await receiver.run { _ in }
                let parked = try await receiver.parked()
                #expect(parked.map(\.key) == ["0@0"] && parked.map(\.message.body) == [[1, 2, 3]])
                #expect(source.committed() == 2)
                // Whoever can read it by now may say what it was.
                await #expect(throws: InvalidCloudEvent.self) { try await receiver.replay("0@0") { _ in } }
            }
        }
    }

    @Test("takes no more when it holds as many as it may")
    func tooMany() async throws {
        let source = TestSource(batch: 1)
        for id in 0..<5 { source.add(event(id)) }
        let receiver = EventReceiver(
            "r", from: source, in: InMemoryEventStore(), policy: ConsumerPolicy(held: 3, deliveries: 1))
        await #expect(throws: ReceiverError.tooManyHeld(3)) { try await receiver.run { _ in throw Away() } }
        #expect(source.committed() == 3)
    }

    @Test("parks what the log can never take")
    func refusedByTheLog() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        source.add(event(1, of: "a", #"{"n":1}"#))
        source.add(event(1, of: "a", #"{"n":2}"#))  // The identifiers of another.
        source.add(event(2, of: String(repeating: "x", count: 600)))  // No name of a stream.
        let receiver = EventReceiver("r", from: source, in: store, policy: Self.policy)
        try await receiver.run(into: store, place)
        #expect(try await recorded(store).count == 1)
        let reasons = try await receiver.parked().map(\.reason)
        #expect(reasons.contains { $0.contains("recorded before with other events") })
        #expect(reasons.contains { $0.contains("The stream name") })
    }

    private final class Small: ForwardingStore, Sendable {
        let base: any EventStore

        init(_ base: any EventStore) { self.base = base }

        func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
            throw .unsupported(reason: "2 MB are too many")
        }
    }

    @Test("parks what this log does not take, and does not try it for ever")
    func unsupported() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        source.add(event(1))
        let receiver = EventReceiver("r", from: source, in: store, policy: Self.policy)
        try await receiver.run(into: Small(store), place)
        #expect(try await receiver.parked().map(\.reason) == ["The store does not take the append: 2 MB are too many."])
    }

    @Test("sets a message aside once, also when it is given again, and never gives again what was left out")
    func givenAgain() async throws {
        let store = InMemoryEventStore()
        let handled = Mutex<[String]>([])
        let handler: @Sendable (CloudEvent) async throws -> Void = { event in handled.withLock { $0.append(event.id) } }
        // The process dies each time before the source notes the batch.
        for _ in 0..<3 {
            let source = TestSource()
            for id in 0..<4 { source.add(event(id, of: id < 3 ? "a" : "b")) }
            let receiver = EventReceiver("r", from: source, in: store, policy: Self.policy)
            await #expect(throws: ReceiverError.source(reason: "killed")) {
                try await receiver.run { event in
                    if event.id == "3" { throw ReceiverError.source(reason: "killed") }
                    throw ParkEvent("no such customer")
                }
            }
        }
        let source = TestSource()
        for id in 0..<4 { source.add(event(id, of: id < 3 ? "a" : "b")) }
        let receiver = EventReceiver("r", from: source, in: store, policy: Self.policy)
        #expect(try await receiver.parked().map(\.waiting) == [2])
        #expect(try await receiver.skip("a").origin == "0@0")
        #expect(try await receiver.replay("a", handler) == 2)
        try await receiver.run(handler)
        let ids = handled.withLock { $0 }
        #expect(ids.filter { $0 != "3" } == ["1", "2", "1", "2"], "what was left out is not given again")
        #expect(ids.filter { $0 == "3" }.count == 1)
    }

    @Test("does not settle a later message for the one that somebody left out meanwhile")
    func skippedMeanwhile() async throws {
        let store = InMemoryEventStore()
        let first = TestSource()
        first.add(event(1))
        let receiver = EventReceiver("r", from: first, in: store, policy: Self.policy)
        try await receiver.run { _ in throw ParkEvent("closed") }
        let second = TestSource()
        second.add(.success(event(2)), body: [], to: "1")
        try await receiver.replay("a") { event in
            guard event.id == "1" else { return }
            // While it is in the handler's hands it is left out, and another one stops the key.
            try await receiver.skip("a")
            try await EventReceiver("r", from: second, in: store, policy: Self.policy).run { _ in
                throw ParkEvent("closed again")
            }
        }
        // The second one was handled by the replay, and not thrown away under the first one's number.
        #expect(try await receiver.parked().isEmpty)
    }

    @Test("does not leave out the next message for the one that somebody replays at the same moment")
    func skippedTwice() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        for id in 1...2 { source.add(event(id)) }
        let other = EventReceiver("r", from: source, in: store, policy: Self.policy)
        try await other.run { _ in throw ParkEvent("closed") }
        let isFirst = Countdown(1)
        let models = RivalModels(store) {
            guard isFirst.take() else { return }
            _ = try? await other.replay("a") { event in
                if event.id == "2" { throw ParkEvent("closed") }
            }
        }
        let receiver = EventReceiver("r", from: source, in: models, policy: Self.policy)
        await #expect(throws: ReceiverError.notParked(key: "a")) { try await receiver.skip("a") }
        #expect(try await receiver.parked().map { try $0.message.content.get().id } == ["2"])
    }

    @Test("replays an event byte for byte, whatever its attributes are")
    func sameBytes() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        var odd = event(1, of: "", #"{ "b": 1.10,  "a":2, "a":3 }"#)
        odd.extensions["traceparent"] = "00-1-2-3"
        odd.subject = ""
        source.add(odd)
        var bytes = event(2, of: "x")
        (bytes.contentType, bytes.data, bytes.time) = (.bytes, [0, 255, 10], nil)
        source.add(bytes)
        let receiver = EventReceiver("r", from: source, in: store, policy: Self.policy)
        try await receiver.run { _ in throw ParkEvent("later") }
        let replayed = Mutex<[CloudEvent]>([])
        for parked in try await receiver.parked() {
            try await receiver.replay(parked.key) { event in replayed.withLock { $0.append(event) } }
        }
        #expect(Set(replayed.withLock { $0 }) == [odd, bytes])
    }

    @Test("reads what was no event by its attributes again when it is replayed")
    func attributesAgain() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        source.add(
            .failure(InvalidCloudEvent(.malformed("time", "not understood then"))), body: Array("{}".utf8),
            attributes: ["specversion": "1.0", "id": "1", "source": "/s", "type": "t"])
        let receiver = EventReceiver("r", from: source, in: store, policy: Self.policy)
        try await receiver.run { _ in }
        let replayed = Mutex<[String]>([])
        try await receiver.replay("0@0") { event in replayed.withLock { $0.append(event.id) } }
        #expect(replayed.withLock { $0 } == ["1"])
    }

    @Test("reads what was no event in the structured form in no other one when it is replayed")
    func structuredAgain() async throws {
        let source = TestSource()
        // Senders may repeat the attributes beside the JSON.
        source.add(
            .failure(InvalidCloudEvent(.notJSON("cut off"))), body: Array(#"{"specversion":"1.0""#.utf8),
            attributes: [
                "specversion": "1.0", "id": "1", "source": "/s", "type": "t",
                "datacontenttype": "Application/CloudEvents+json; charset=utf-8",
            ])
        let receiver = EventReceiver("r", from: source, in: InMemoryEventStore(), policy: Self.policy)
        try await receiver.run { _ in }
        let replayed = Mutex<[CloudEvent]>([])
        await #expect(throws: InvalidCloudEvent.self) {
            try await receiver.replay("0@0") { event in replayed.withLock { $0.append(event) } }
        }
        #expect(replayed.withLock { $0.isEmpty })
    }

    @Test("knows an event that it recorded, also when the program places it in another way by now")
    func placedAnew() async throws {
        let store = InMemoryEventStore()
        for tags in [["shop"], ["shop", "new"]] as [[DaybookCore.Tag]] {
            let source = TestSource()
            source.add(event(1))
            let receiver = EventReceiver("r", from: source, in: store, policy: Self.policy)
            try await receiver.run(into: store) { event in
                Placement(stream: "orders", event: NewEvent(received: event, tags: tags))
            }
            #expect(try await receiver.parked().isEmpty)
        }
        #expect(try await recorded(store).count == 1)
        // Another receiver of the same events records them for itself.
        let source = TestSource()
        source.add(event(1))
        try await EventReceiver("other", from: source, in: store, policy: Self.policy).run(into: store) { event in
            Placement(stream: "others", event: NewEvent(received: event))
        }
        #expect(try await recorded(store).count == 2)
    }

    @Test("tells events apart whose source and identifier are the same when they are joined")
    func joinedNames() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        for (from, id) in [("a", "b c"), ("a b", "c")] {
            source.add(CloudEvent(id: id, source: from, type: "t", data: []))
        }
        let inbox = Inbox("i", model: "i", in: store)
        let receiver = EventReceiver("r", from: source, in: store, policy: Self.policy)
        let taken = Mutex(0)
        try await receiver.run { event in
            if try await inbox.once(event, { _ in }) { taken.withLock { $0 += 1 } }
        }
        #expect(taken.withLock { $0 } == 2)
        let again = TestSource()
        for (from, id) in [("a", "b c"), ("a b", "c")] {
            again.add(CloudEvent(id: id, source: from, type: "t", data: []))
        }
        try await EventReceiver("r", from: again, in: store, policy: Self.policy).run(into: store) { event in
            Placement(stream: "s", event: NewEvent(received: event))
        }
        #expect(try await recorded(store).count == 2)
    }

    @Test("ends when it can take no more, also on a source that goes on after failures")
    func stubbornSource() async throws {
        struct Stubborn: EventSource {
            let event: CloudEvent

            func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
                let message = ReceivedMessage(origin: "0@0", content: .success(event), body: [])
                while true {
                    try Task.checkCancellation()
                    do { return try await take(ReceivedBatch(lane: "0", messages: [message])) } catch {
                        await Task.yield()
                    }
                }
            }
        }
        let receiver = EventReceiver(
            "r", from: Stubborn(event: event(1)), in: InMemoryEventStore(), policy: Self.policy)
        await #expect(throws: ReceiverError.source(reason: "fatal")) {
            try await receiver.run { _ in throw ReceiverError.source(reason: "fatal") }
        }
    }

    /// Gives one batch, then ends.
    private struct SingleBatch: EventSource {
        let messages: [ReceivedMessage]

        /// - Parameter messages: By origin.
        init(_ messages: [(origin: String, event: CloudEvent)]) {
            self.messages = messages.map {
                ReceivedMessage(origin: $0.origin, content: .success($0.event), body: $0.event.json)
            }
        }

        func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
            try await take(ReceivedBatch(lane: "0", messages: messages))
        }
    }

    @Test("takes origins for two that Unicode calls one, and that differ in their bytes", arguments: TestStore.all)
    func equivalentOrigins(_ kind: TestStore) async throws {
        let store = try await kind.make()
        let (composed, decomposed) = (("\u{E9}", event(1, of: "a")), ("e\u{301}", event(2, of: "b")))
        try await EventReceiver("r", from: SingleBatch([composed]), in: store, policy: Self.policy).run { _ in
            throw ParkEvent("closed")
        }
        let handled = Mutex<[String]>([])
        let both = SingleBatch([composed, decomposed])
        try await EventReceiver("r", from: both, in: store, policy: Self.policy).run { event in
            handled.withLock { $0.append(event.id) }
        }
        #expect(handled.withLock { $0 } == ["2"])
    }

    /// Read models that take no long keys, as those on servers.
    private final class ShortKeys: ForwardingReadModelStore {
        let models: any ReadModelStore

        init(_ models: any ReadModelStore) { self.models = models }

        private func check(_ keys: [String]) throws(DerivedStateError) {
            guard keys.allSatisfy({ $0.utf8.count <= 1_000 }) else { throw .storageFailed(reason: "The key is long.") }
        }

        func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
            try check(Array(batch.changes.keys))
            try await models.commit(batch)
        }

        func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
            try check([key])
            return try await models.document(key, of: model)
        }

        func documents(
            _ keys: [String], of model: ReadModelName
        ) async throws(DerivedStateError) -> [String: [UInt8]] {
            try check(keys)
            return try await models.documents(keys, of: model)
        }
    }

    @Test("takes events whatever the length of their subjects, identifiers and origins")
    func longNames() async throws {
        let store = InMemoryEventStore()
        let long = String(repeating: "ж", count: 400)
        var events = [event(1, of: long), event(2, of: "b"), event(3, of: "c"), event(4, of: long)]
        events[1].id = String(repeating: "x", count: 3_000)
        events[3].id = String(repeating: "x", count: 3_000) + "y"
        let source = SingleBatch(events.map { (origin: "/events#5./shop#\($0.id)", event: $0) })
        let receiver = EventReceiver("r", from: source, in: ShortKeys(store), policy: Self.policy)
        try await receiver.run(into: store) { event in
            Placement(stream: "orders", event: NewEvent(received: event))
        }
        // No command has so long a name.
        #expect(try await recorded(store).count == 2)
        #expect(try await receiver.parked().map(\.key) == [long, "b"])
        #expect(try await receiver.replay(long) { _ in } == 1)
        #expect(try await receiver.skip("b").content.get().id == events[1].id)
        #expect(try await receiver.parked().isEmpty)
    }

    @Test("has a handler's effect once by an inbox, whatever the length of an event's identifier")
    func longIdentifier() async throws {
        let inbox = Inbox("totals", model: "totals", in: ShortKeys(InMemoryEventStore()))
        var (first, second) = (event(1), event(2))
        first.id = String(repeating: "x", count: 3_000) + "1"
        second.id = String(repeating: "x", count: 3_000) + "2"
        for isNew in [true, false] {
            #expect(try await inbox.once(first, { _ in }) == isNew)
            #expect(try await inbox.once(second, { _ in }) == isNew)
        }
    }

    @Test("goes on with other lanes when the source has cancelled one")
    func cancelledLane() async throws {
        struct Impatient: EventSource {
            let event: CloudEvent

            func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
                let (first, second) = (batch("0"), batch("1"))
                let gone = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    try await take(first)
                }
                await #expect(throws: CancellationError.self) { try await gone.value }
                try await take(second)
            }

            private func batch(_ lane: String) -> ReceivedBatch {
                ReceivedBatch(
                    lane: lane,
                    messages: [ReceivedMessage(origin: "\(lane)@0", content: .success(event), body: event.json)])
            }
        }
        let handled = Mutex(0)
        let receiver = EventReceiver(
            "r", from: Impatient(event: event(1)), in: try await SQLiteEventStore.temporary(), policy: Self.policy)
        try await receiver.run { _ in handled.withLock { $0 += 1 } }
        #expect(handled.withLock { $0 } == 1)
    }

    @Test("has a handler's effect once by an inbox, however often an event comes", arguments: TestStore.all)
    func inbox(_ kind: TestStore) async throws {
        let store = try await kind.make()
        let inbox = Inbox("totals", model: "totals", in: store)
        for _ in 0..<3 {
            let source = TestSource()
            for id in 0..<4 { source.add(event(id)) }
            try await EventReceiver("r", from: source, in: store, policy: Self.policy).run { event in
                try await inbox.once(event, at: Timestamp(microseconds: 5)) { documents in
                    let old = try await documents.document("ids") ?? []
                    try documents.set(old + Array(event.id.utf8), for: "ids")
                }
            }
        }
        #expect(try await store.document("ids", of: "totals") == Array("0123".utf8))
        #expect(try await inbox.forget(receivedBefore: Timestamp(microseconds: 5)) == 0)
        #expect(try await inbox.forget(receivedBefore: Timestamp(microseconds: 6)) == 4)
    }

    /// Runs until all is recorded or the process dies, before or after an append: then the batch is not noted as dealt with.
    ///
    /// - Returns: Whether all is recorded.
    private func run(_ source: TestSource, into store: InMemoryEventStore, dyingAfter events: Int) async throws -> Bool
    {
        let left = Mutex(events)
        do {
            try await EventReceiver("r", from: source, in: store, policy: Self.policy).run(into: store) { event in
                let isDead = left.withLock { left in
                    left -= 1
                    return left <= 0
                }
                if isDead { throw ReceiverError.source(reason: "killed") }
                return try place(event)
            }
            return true
        } catch ReceiverError.source {
            return false
        }
    }

    @Test("records each event once and in order, whenever it is stopped", arguments: TestSeeds.first(20))
    func stops(_ seed: UInt64) async throws {
        let store = InMemoryEventStore()
        var random = SplitMix64(seed: seed)
        let source = TestSource(batch: 5)
        var expected: [String: [String]] = [:]
        for id in 0..<60 {
            let number = Int.random(in: 0..<5, using: &random)
            source.add(event(id, of: "k\(number)", #"{"n":\#(id)}"#), to: "\(number % 3)")
            expected["order-k\(number)", default: []].append(#"{"n":\#(id)}"#)
        }
        var deaths = 0
        while try await !run(source, into: store, dyingAfter: Int.random(in: 1...30, using: &random)) {
            deaths += 1
            try #require(deaths < 400)
        }
        #expect(deaths > 0)
        let byStream = Dictionary(grouping: try await recorded(store), by: \.stream.rawValue)
        #expect(byStream.mapValues { $0.map { String(decoding: $0.data, as: UTF8.self) } } == expected)
    }
}
