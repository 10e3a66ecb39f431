import BusTesting
import Daybook
import DaybookCore
import Testing

@testable import DaybookJetStream

/// To the servers of a test, a log or bucket that ends further on is what it is to a leader that was deposed.
@Suite(
    "A leader that was deposed, and does not know it yet,", .enabled(if: TestCluster.isThere, TestCluster.skipped),
    .timeLimit(.minutes(5)))
struct DeposedLeaderTests {
    /// Gives a body two connections to one store, of which the second one gives up reading soon.
    private func withHasty(_ body: (JetStreamEventStore, JetStreamEventStore) async throws -> Void) async throws {
        try await TestCluster.withStore { store in
            _ = try await store.checkpoint(of: "none")  // Makes the bucket beside the log.
            var configuration = TestCluster.configuration()
            configuration.readPatience = .milliseconds(300)
            let hasty = try await TestCluster.connect(store.subjects.store, configuration)
            do { try await body(store, hasty) } catch {
                await hasty.close()
                throw error
            }
            await hasty.close()
        }
    }

    private func batch(_ previous: Position, _ checkpoint: Position, _ key: String) -> DocumentBatch {
        DocumentBatch(model: "tape", changes: [key: [1]], previous: previous, checkpoint: checkpoint)
    }

    @Test("is not believed about a read model of which the process knows more")
    func readModel() async throws {
        try await withHasty { store, hasty in
            try await store.commit(batch(.start, 1, "a"))
            #expect(try await hasty.checkpoint(of: "tape") == 1)
            let known = try #require(hasty.models["tape"])
            hasty.models.note(ModelMemory.Known(head: known.head, sequence: known.sequence + 3), of: "tape")
            await #expect(throws: DerivedStateError.self) { try await hasty.checkpoint(of: "tape") }
            await #expect(throws: DerivedStateError.self) { try await hasty.document("a", of: "tape") }
            await #expect(throws: DerivedStateError.self) {
                try await hasty.documents(of: "tape", after: nil, limit: 10)
            }
            do throws(DerivedStateError) {
                try await hasty.commit(batch(.start, 2, "b"))
                Issue.record("A change was made on a head that nobody has")
            } catch {
                guard case .storageFailed = error else { throw error }
            }
            #expect(try await store.documents(of: "tape", after: nil, limit: 10).map(\.key) == ["a"])
        }
    }

    @Test("is told from servers that have forgotten a read model, since another process deleted it long ago")
    func forgotten() async throws {
        try await withHasty { other, hasty in
            try await hasty.commit(batch(.start, 1, "a"))
            try await other.deleteReadModel("tape")
            // What the servers do after an hour.
            try await other.purge(subject: other.subjects(of: "tape").head)
            #expect(try await hasty.checkpoint(of: "tape") == .start)
            #expect(try await hasty.document("a", of: "tape") == nil)
            try await hasty.commit(batch(.start, 1, "b"))
            #expect(try await other.documents(of: "tape", after: nil, limit: 10).map(\.key) == ["b"])
            try await hasty.deleteReadModel("tape")
            try await other.purge(subject: other.subjects(of: "tape").head)
            #expect(try await hasty.checkpoint(of: "tape") == .start)
            try await hasty.commit(batch(.start, 1, "c"))
            #expect(try await other.checkpoint(of: "tape") == 1)
        }
    }

    @Test("is not believed about a stream of which the process knows more, so that no append is refused by it")
    func stream() async throws {
        try await withHasty { store, hasty in
            let event = NewEvent(type: "counted", data: [])
            try await store.append([event], to: "count-1")
            let subject = try #require(store.subjects.subject(of: "count-1" as StreamName))
            var head = try await hasty.head(of: subject)
            head.sequence += 3
            hasty.heads.set(head, for: subject)
            await #expect(throws: ReadError.self) { try await hasty.lastMessages(of: [subject]) }
            var request = AppendRequest(commandID: "late")
            request.append([NewEvent(type: "counted", data: [])], to: "count-1", expecting: .version(7))
            do throws(AppendError) {
                try await hasty.append(request)
                Issue.record("An append was made at a version that nobody has")
            } catch {
                guard case .storageFailed(_, false) = error else { throw error }
            }
            #expect(try await store.state(of: "count-1").lastVersion == 0)
        }
    }

    @Test(
        "is not believed about a lane that it has nothing of, with few subjects or too many for a direct read",
        arguments: [12, 1_100])
    func lane(_ count: Int) async throws {
        try await Bus.with(partitions: 1) { bus in
            let target = try bus.target()
            let sending = Sending()
            await target.send(sending.messages(0..<1, streams: (0..<count).map { "account-\($0)" }))
            await target.close()
            #expect(sending.acknowledged.count == count)
            try await bus.withConnection { connection in
                func open(_ filter: String, _ group: String) async throws -> LaneConsumer {
                    let configuration = JetStreamSource.Configuration(
                        servers: .init(bus.urls), stream: bus.stream, group: group, filters: [filter])
                    return try await LaneConsumer.open(
                        configuration.lanes[0], of: configuration, startingAt: nil, on: connection)
                }
                let lane = try await open(bus.subjects.all, "all")
                let other = try await open("\(bus.subjects.prefix).none.>", "none")
                let found = try await lane.streamInfo()
                let end = found.state.lastSeq
                #expect(end == Int64(count))
                for allowsDirect in [true, false] {
                    var stream = found
                    stream.config.allowDirect = allowsDirect
                    // A replica that is asked may be behind for a moment.
                    #expect(try await eventually { try await lane.isEmpty(behind: end, in: stream) })
                    #expect(try await eventually { try await other.isEmpty(behind: 0, in: stream) })
                    #expect(try await !lane.isEmpty(behind: end - 1, in: stream))
                    stream.state.lastSeq = end + 3
                    #expect(try await !lane.isEmpty(behind: end, in: stream))
                    #expect(try await !other.isEmpty(behind: 0, in: stream))
                }
            }
        }
    }
}
