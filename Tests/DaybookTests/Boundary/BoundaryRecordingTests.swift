import Daybook
import DaybookCore
import DaybookTesting
import Testing

@Suite("Recorded commands on several subjects")
struct BoundaryRecordingTests {
    private typealias Enrolment = BoundaryHandlerTests.Enrolment
    private typealias SchoolEvent = BoundaryHandlerTests.SchoolEvent
    private typealias Record = CommandRecord<Enrolment.Command>

    private static let records: StreamName = "enrolment_commands"

    /// The rules of these tests, under which a student takes one course, and a course is never full.
    enum OneCourse: BoundaryDecider {
        typealias State = BoundaryHandlerTests.Enrolment.State
        typealias Command = BoundaryHandlerTests.Enrolment.Command
        typealias Event = BoundaryHandlerTests.SchoolEvent
        typealias Rejection = BoundaryHandlerTests.Enrolment.Rejection

        static func boundary(of command: Command) -> EventQuery {
            BoundaryHandlerTests.Enrolment.boundary(of: command)
        }
        static func initialState(for command: Command) -> State {
            BoundaryHandlerTests.Enrolment.initialState(for: command)
        }
        static func decide(_ command: Command, in state: State) throws(Rejection) -> [PlacedEvent] {
            guard state.courses.isEmpty else { throw .tooManyCourses }
            var state = state
            state.seats = .max
            return try BoundaryHandlerTests.Enrolment.decide(command, in: state)
        }
        static func evolve(_ state: inout State, with event: Event, of stream: StreamName) {
            BoundaryHandlerTests.Enrolment.evolve(&state, with: event, of: stream)
        }
    }

    private func handler(
        in store: any EventStore, recording: CommandRecording<Enrolment.Command> = .all
    ) -> BoundaryHandler<Enrolment> {
        BoundaryHandler(Enrolment.self, in: store, retry: RetryPolicy(attempts: 1_000), clock: LeapingClock())
            .recording(recording, in: Self.records)
    }

    private func offer(_ courses: String..., seats: Int, in store: any EventStore) async throws {
        for course in courses {
            let event = SchoolEvent.offered(course: course, seats: seats)
            try await store.append(
                [NewEvent(try JSONEventCodec<SchoolEvent>().encode(event), tags: event.tags)],
                to: StreamName(unchecked: "course-\(course)"))
        }
    }

    private func recorded(in store: any EventStore) async throws -> [Record] {
        var records: [Record] = []
        for try await event in store.events(of: Self.records) {
            records += try JSONEventCodec<Record>().decode(event)
        }
        return records
    }

    @Test("stand before their events, in one append, and are no part of the receipt", arguments: TestStore.all)
    func recorded(_ make: TestStore) async throws {
        let store = try await make.make()
        let command = Enrolment.Command(student: "ada", course: "algebra")
        let enrolments = handler(in: store)
        _ = try? await enrolments.handle(command)
        try await offer("algebra", seats: 1, in: store)
        let receipt = try await CommandContext.with(actor: "clerk-7") {
            try await enrolments.handle(command, commandID: "c1")
        }
        let nothing = try await enrolments.handle(command, commandID: "c2")
        let lines = try await recorded(in: store).map { record in
            switch record {
            case .carriedOut(_, let after, let events): "after \(after ?? -1): \(events)"
            case .rejected(_, let after, let reason): "after \(after ?? -1): \(reason)"
            }
        }
        #expect(lines == ["after 0: unknownCourse", "after 2: 1", "after 4: 0"])
        #expect(receipt.eventCount == 1 && receipt.streams.map(\.stream) == ["student-ada"] && receipt.position == 4)
        #expect(nothing.eventCount == 0 && nothing.streams.isEmpty)
        let page = try await store.readPage(from: .after(2), direction: .forward, filter: .all, limit: 2).events
        #expect(page.map(\.type) == ["command.carriedOut", "school.enrolled"])
        #expect(page[0].metadata == page[1].metadata)
        #expect(try EventMetadata(decoding: page[0].metadata).actor == "clerk-7")

        let head = try await store.head()
        var again = try await handler(in: store).handle(command, commandID: "c1")
        #expect(again.isRepeat)
        again.isRepeat = false
        #expect(again == receipt)
        #expect(try await handler(in: store).handle(command, commandID: "c2").eventCount == 0)
        #expect(try await store.head() == head)
    }

    @Test("are left out of what is not asked for", arguments: TestStore.all)
    func leftOut(_ make: TestStore) async throws {
        let store = try await make.make()
        let command = Enrolment.Command(student: "ada", course: "algebra")
        _ = try? await handler(in: store, recording: .carriedOut).handle(command)
        #expect(try await store.head() == .start)
        try await offer("algebra", seats: 1, in: store)
        try await handler(in: store, recording: .carriedOut).handle(command)
        #expect(try await recorded(in: store).count == 1)
    }

    @Test("change nothing in what a repeat is answered, whoever answers it", arguments: TestStore.all)
    func repeats(_ make: TestStore) async throws {
        let store = try await make.make()
        try await offer("algebra", "botany", seats: 3, in: store)
        let plain = BoundaryHandler(Enrolment.self, in: store)
        let moved = plain.recording(.all, in: "enrolment_commands_2")
        let ada = Enrolment.Command(student: "ada", course: "algebra")
        let bo = Enrolment.Command(student: "bo", course: "algebra")
        let receipts = [
            "c1": try await handler(in: store).handle(ada, commandID: "c1"),
            "c2": try await handler(in: store).handle(ada, commandID: "c2"),
            "c3": try await plain.handle(bo, commandID: "c3"), "c4": try await plain.handle(bo, commandID: "c4"),
        ]
        #expect(receipts.mapValues(\.eventCount) == ["c1": 1, "c2": 0, "c3": 1, "c4": 0])
        for handler in [handler(in: store), plain, moved] {
            for (id, first) in receipts {
                var again = try await handler.handle(ada, commandID: CommandID(unchecked: id))
                #expect(again.isRepeat)
                again.isRepeat = false
                #expect(again == first, "\(id)")
            }
        }
    }

    @Test("of commands without a boundary are recorded like others", arguments: TestStore.all)
    func emptyBoundary(_ make: TestStore) async throws {
        enum Nothing: BoundaryDecider {
            enum Rejection: Error { case no }
            static func boundary(of command: Int) -> EventQuery { EventQuery(items: []) }
            static func initialState(for command: Int) -> Int { 0 }
            static func decide(_ command: Int, in state: Int) throws(Rejection) -> [PlacedEvent] {
                if command < 0 { throw .no }
                return []
            }
            static func evolve(_ state: inout Int, with event: BoundaryHandlerTests.SchoolEvent, of stream: StreamName)
            {}
        }
        let store = try await make.make()
        let handler = BoundaryHandler(Nothing.self, in: store).recording(.all, in: Self.records)
        #expect(try await handler.handle(1).eventCount == 0)
        #expect(try await handler.handle(1, commandID: "c1").eventCount == 0)
        await #expect(throws: BoundaryError<Nothing.Rejection>.rejected(.no)) { try await handler.handle(-1) }
        let report = try await BoundaryDecisionReplay(Nothing.self, recordedIn: Self.records, from: store).run()
        #expect(report.commandCount == 3 && report.differenceCount == 0)
    }

    @Test("are not said to have had an effect when their rejection cannot be recorded")
    func unrecordedRejection() async throws {
        let store = WatchedStore(InMemoryEventStore()) { _ throws(AppendError) in
            throw .storageFailed(reason: "a test", mayBeWritten: true)
        }
        do {
            try await handler(in: store).handle(Enrolment.Command(student: "ada", course: "algebra"), commandID: "c1")
            Issue.record("It was carried out.")
        } catch {
            guard case .append = error else { return #expect(Bool(false), "\(error)") }
            #expect(!error.mayBeRecorded)
        }
    }

    @Test("are not decided by rules that would lose sight of their own events", arguments: TestStore.all)
    func outsideBoundary(_ make: TestStore) async throws {
        enum Blind: BoundaryDecider {
            typealias Command = BoundaryHandlerTests.Enrolment.Command
            enum Rejection: Error {}
            static func boundary(of command: Command) -> EventQuery {
                EventQuery(tags: [BoundaryHandlerTests.Tags.student(command.student)])
            }
            static func initialState(for command: Command) -> Int { 0 }
            static func decide(_ command: Command, in state: Int) throws(Rejection) -> [PlacedEvent] {
                [PlacedEvent(BoundaryHandlerTests.SchoolEvent.noted(course: command.course), in: "notes-1")]
            }
            static func evolve(_ state: inout Int, with event: BoundaryHandlerTests.SchoolEvent, of stream: StreamName)
            {}
        }
        let store = try await make.make()
        try await offer("algebra", seats: 1, in: store)
        try await handler(in: store).handle(Enrolment.Command(student: "ada", course: "algebra"))
        let replay = BoundaryDecisionReplay(Blind.self, recordedIn: Self.records, from: store)
        await #expect(throws: DecisionReplayError.outsideBoundary(type: "school.noted", stream: "notes-1", tags: [])) {
            try await replay.run()
        }
    }

    @Test("must not lie inside their own boundary")
    func insideBoundary() async throws {
        enum Everything: BoundaryDecider {
            enum Rejection: Error {}
            static func boundary(of command: Int) -> EventQuery { EventQuery(items: [EventQuery.Item()]) }
            static func initialState(for command: Int) -> Int { 0 }
            static func decide(_ command: Int, in state: Int) throws(Rejection) -> [PlacedEvent] { [] }
            static func evolve(_ state: inout Int, with event: BoundaryHandlerTests.SchoolEvent, of stream: StreamName)
            {}
        }
        let store = InMemoryEventStore()
        let handler = BoundaryHandler(Everything.self, in: store).recording(.all, in: Self.records)
        await #expect(throws: BoundaryError<Everything.Rejection>.self) { try await handler.handle(1) }
        #expect(try await store.head() == .start)
    }

    @Test("come out as they did under the rules that they were decided by", arguments: TestStore.all)
    func sameRules(_ make: TestStore) async throws {
        let store = try await make.make()
        try await offer("algebra", "botany", "civics", seats: 3, in: store)
        let handler = handler(in: store)
        await withTaskGroup { group in
            for student in ["ada", "bo", "cy", "di", "eve", "flo"] {
                for course in ["algebra", "botany", "civics", "drama"] {
                    group.addTask {
                        _ = try? await handler.handle(Enrolment.Command(student: student, course: course))
                    }
                }
            }
        }
        let report = try await BoundaryDecisionReplay(
            Enrolment.self, recordedIn: Self.records, from: store
        ).run()
        #expect(report.commandCount == 24 && report.differenceCount == 0, "\(report.differences)")
    }

    @Test("come out as the new rules say, on the history as it was", arguments: TestStore.all)
    func newRules(_ make: TestStore) async throws {
        let store = try await make.make()
        let handler = handler(in: store)
        try await offer("algebra", "botany", seats: 1, in: store)
        let ada = Enrolment.Command(student: "ada", course: "algebra")
        try await handler.handle(ada)
        let morning = try await store.head()
        _ = try? await handler.handle(Enrolment.Command(student: "bo", course: "algebra"))
        try await handler.handle(Enrolment.Command(student: "ada", course: "botany"))
        _ = try? await handler.handle(Enrolment.Command(student: "cy", course: "drama"))
        let replay = BoundaryDecisionReplay(OneCourse.self, recordedIn: Self.records, from: store)
        let report = try await replay.run()
        #expect(report.commandCount == 4)
        #expect(report.counts == [.nowCarriedOut: 2, .nowRejected: 1])
        #expect(report.differences.map(\.command.student) == ["bo", "ada", "cy"])
        let enrolled = SchoolEvent.enrolled(student: "bo", course: "algebra")
        #expect(report.differences[0].recorded == .rejected("full"))
        #expect(report.differences[0].replayed == .events([DecidedEvent(enrolled, in: "student-bo")]))
        #expect(report.differences[1].replayed == .rejected("tooManyCourses"))
        #expect(try await replay.run(after: .position(morning)).commandCount == 3)
        #expect(try await replay.run(through: .position(morning)).commandCount == 1)
        #expect(try await replay.run(keepingFirst: 1).differences.count == 1)
        #expect(try await recorded(in: store).count == 4)
    }
}
