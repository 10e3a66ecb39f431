import DaybookCore
import DaybookTesting
import Testing

@testable import DaybookJetStream

@Suite("The store on JetStream", .enabled(if: TestCluster.isThere, TestCluster.skipped))
struct JetStreamEventStoreLawTests {
    /// The laws that this engine cannot keep, and why.
    static let notKept: [String: String] = [:]

    @Test("keeps every law", arguments: EventStoreLaw.all.filter { notKept[$0.name] == nil })
    func law(_ law: EventStoreLaw) async throws {
        try await TestCluster.withStore { try await law.check($0) }
    }

    @Test("keeps every law across an opening", arguments: DurabilityLaw.all)
    func durabilityLaw(_ law: DurabilityLaw) async throws {
        let name = TestCluster.newName()
        var open: JetStreamEventStore?
        try await law.check {
            await open?.close()
            let store = try await TestCluster.connect(name)
            open = store
            return store
        }
        if let open { await TestCluster.remove(open) }
    }

    @Test("keeps every law of derived state", arguments: DerivedStateLaw.all)
    func derivedStateLaw(_ law: DerivedStateLaw) async throws {
        try await TestCluster.withStore { try await law.check($0) }
    }

    @Test("keeps every law of health", arguments: HealthLaw.all)
    func healthLaw(_ law: HealthLaw) async throws {
        try await TestCluster.withStore { try await law.check($0) }
    }

    @Test("keeps every law of copying", arguments: CopyLaw.all)
    func copyLaw(_ law: CopyLaw) async throws {
        try await TestCluster.withStores { make in try await law.check { try await make() } }
    }

    @Test("does what the model says", arguments: TestSeeds.first(20))
    func model(seed: UInt64) async throws {
        var opened: [JetStreamEventStore] = []
        var failure: (any Error)?
        do {
            try await EventStoreModelTest(seed: seed, steps: 60).run {
                let store = try await TestCluster.connect(TestCluster.newName())
                opened.append(store)
                return DensePositions(base: store)
            }
        } catch {
            failure = error
        }
        for store in opened { await TestCluster.remove(store) }
        if let failure { throw failure }
    }

    @Test("answers many clients in some order", arguments: TestSeeds.first(2))
    func history(seed: UInt64) async throws {
        try await TestCluster.withStore { store in
            let history = try await HistoryWorkload(seed: seed, operations: 1_000).run(on: store)
            let violations = history.check().violations
            #expect(violations.isEmpty, "seed \(seed): \(violations.prefix(3))")
            #expect(HistoryCanary(history).missed(seed: seed).isEmpty, "seed \(seed)")
        }
    }

    @Test("tells where the log ended at a receipt, whatever came since")
    func headAtReceipt() async throws {
        try await TestCluster.withStore { store in
            #expect(try await store.headPosition(of: store.lastMessage()) == .start)
            var receipts: [(message: StoredMessage, head: Position)] = []
            for round in 0..<4 {
                let event = NewEvent(type: "counted", data: [])
                let end = try await store.append([event], to: "count-1").position
                // The same again, by commands: their receipts stand alone, a few of them or more than are read at once.
                for number in 0..<(round == 2 ? 90 : 3) {
                    var request = AppendRequest(commandID: CommandID(unchecked: "c-\(round)-\(number)"))
                    request.append([event], to: "count-1")
                    #expect(try await store.append(request).position == end)
                }
                #expect(try await store.head() == end)
                receipts.append((try #require(try await store.lastMessage()), end))
            }
            for (receipt, head) in receipts + receipts.reversed() {
                #expect(try await store.headPosition(of: receipt) == head)
            }
            let other = try await TestCluster.connect(store.subjects.store)
            for (receipt, head) in receipts { #expect(try await other.headPosition(of: receipt) == head) }
            await other.close()
        }
    }

    @Test(
        "knows events again that take more than a page, and does not write them twice",
        arguments: [ExpectedVersion.any, .noStream])
    func longRepeat(_ expected: ExpectedVersion) async throws {
        try await TestCluster.withStore { store in
            let events = (0..<100).map { number in
                NewEvent(type: "counted", contentType: .bytes, data: [UInt8](repeating: UInt8(number), count: 64 << 10))
            }
            #expect(events.count * (64 << 10) > Limits.pageBytes)
            let first = try await store.append(events, to: "count-1", expecting: expected)
            let again = try await store.append(events, to: "count-1", expecting: expected)
            #expect(again.isRepeat)
            #expect(again.position == first.position && again.recordedAt == first.recordedAt)
            #expect(try await store.state(of: "count-1").lastVersion == 99)
        }
    }

    @Test("knows an append again that went to streams whose names differ in their bytes alone")
    func twins() async throws {
        try await TestCluster.withStore { store in
            var request = AppendRequest()
            for name in ["caf\u{E9}-1", "cafe\u{301}-1"] {
                request.append(
                    [NewEvent(type: "counted", data: [])], to: StreamName(unchecked: name), expecting: .noStream)
            }
            let first = try await store.append(request)
            let again = try await store.append(request)
            #expect(again.isRepeat && again.position == first.position)
        }
    }

    @Test("counts right when two connections append at the same versions")
    func twoConnections() async throws {
        let name = TestCluster.newName()
        let stores = [try await TestCluster.connect(name), try await TestCluster.connect(name)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                let store = stores[writer % 2]
                group.addTask {
                    for round in 0..<25 {
                        while true {
                            let page = try await store.readPage(
                                of: "count-1", from: .end, direction: .backward, limit: 1)
                            let event = NewEvent(
                                type: "counted", data: Array("\(page.state.lastVersion?.rawValue ?? -1)".utf8),
                                tags: ["writer:\(writer)-\(round)"].map { DaybookCore.Tag(unchecked: $0) })
                            do {
                                try await store.append([event], to: "count-1", expecting: page.state.expectedVersion)
                                break
                            } catch AppendError.wrongExpectedVersion {
                                continue
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        var number: Int64 = 0
        for try await event in stores[0].events(of: "count-1") {
            #expect(event.version == StreamVersion(number))
            #expect(String(decoding: event.data, as: UTF8.self) == String(number - 1))
            number += 1
        }
        #expect(number == 200)
        await stores[1].close()
        await TestCluster.remove(stores[0])
    }
}
