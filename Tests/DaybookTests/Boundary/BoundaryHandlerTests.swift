import Daybook
import DaybookCore
import DaybookTesting
import Testing

@Suite("Decisions over several subjects")
struct BoundaryHandlerTests {
    enum Tags {
        static let course = TagKey<String>("course")
        static let student = TagKey<String>("student")
    }

    /// Courses have a number of seats, and a student takes at most two: a rule of neither alone.
    enum SchoolEvent: DomainEvent, Equatable {
        case offered(course: String, seats: Int)
        case enrolled(student: String, course: String)
        case noted(course: String)

        static let typePrefix = "school"
        var tags: [DaybookCore.Tag] {
            switch self {
            case .offered(let course, _): [Tags.course(course)]
            case .enrolled(let student, let course): [Tags.student(student), Tags.course(course)]
            case .noted: []  // A tag that was forgotten.
            }
        }
    }

    enum Enrolment: BoundaryDecider {
        struct State: Sendable, Equatable {
            var seats = 0
            var students: Set<String> = []
            var courses: Set<String> = []
            let student: String
            let course: String
        }
        struct Command: Sendable, Codable, Equatable {
            var student: String
            var course: String
            var note = false
        }
        enum Rejection: Error, Equatable { case full, tooManyCourses, unknownCourse }
        typealias Event = SchoolEvent

        static func boundary(of command: Command) -> EventQuery {
            EventQuery(items: [
                EventQuery.Item(tags: [Tags.course(command.course)]),
                EventQuery.Item(tags: [Tags.student(command.student)]),
            ])
        }
        static func initialState(for command: Command) -> State {
            State(student: command.student, course: command.course)
        }
        static func decide(_ command: Command, in state: State) throws(Rejection) -> [PlacedEvent] {
            if command.note { return [PlacedEvent(SchoolEvent.noted(course: command.course), in: "notes-1")] }
            if state.students.contains(command.student) { return [] }
            guard state.seats > 0 else { throw .unknownCourse }
            guard state.students.count < state.seats else { throw .full }
            guard state.courses.count < 2 else { throw .tooManyCourses }
            let event = SchoolEvent.enrolled(student: command.student, course: command.course)
            return [PlacedEvent(event, in: StreamName(unchecked: "student-\(command.student)"))]
        }
        static func evolve(_ state: inout State, with event: SchoolEvent, of stream: StreamName) {
            switch event {
            case .offered(let course, let seats): if course == state.course { state.seats = seats }
            case .enrolled(let student, let course):
                if course == state.course { state.students.insert(student) }
                if student == state.student { state.courses.insert(course) }
            case .noted: break
            }
        }
    }

    private func offer(_ courses: [String], seats: Int, in store: any EventStore) async throws {
        for course in courses {
            let event = SchoolEvent.offered(course: course, seats: seats)
            let encoded = try JSONEventCodec<SchoolEvent>().encode(event)
            try await store.append(
                [NewEvent(type: encoded.type, data: encoded.data, tags: event.tags)],
                to: StreamName(unchecked: "course-\(course)"))
        }
    }

    private func enrolments(in store: any EventStore) async throws -> [(student: String, course: String)] {
        var found: [(student: String, course: String)] = []
        for try await recorded in store.events(filter: EventFilter(types: ["school.enrolled"])) {
            for case .enrolled(let student, let course) in try SchoolEvent.makeReader().decode(recorded) {
                found.append((student, course))
            }
        }
        return found
    }

    @Test("keep both rules when many decide at once", arguments: TestStore.all)
    func races(_ make: TestStore) async throws {
        let store = try await make.make()
        let courses = ["algebra", "botany", "civics"]
        try await offer(courses, seats: 3, in: store)
        let handler = BoundaryHandler(
            Enrolment.self, in: store, retry: RetryPolicy(attempts: 1_000), clock: LeapingClock())
        let students = ["ada", "bo", "cy", "di", "eve", "flo"]
        let rejections = try await withThrowingTaskGroup(of: Int.self) { group in
            for student in students {
                for course in courses {
                    group.addTask {
                        do {
                            try await handler.handle(Enrolment.Command(student: student, course: course))
                            return 0
                        } catch BoundaryError<Enrolment.Rejection>.rejected {
                            return 1
                        }
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        let found = try await enrolments(in: store)
        #expect(found.count + rejections == students.count * courses.count)
        for course in courses { #expect(found.filter { $0.course == course }.count <= 3) }
        for student in students { #expect(found.filter { $0.student == student }.count <= 2) }
        // No place is left that a student could have taken.
        for student in students {
            for course in courses where !found.contains(where: { $0 == (student, course) }) {
                await #expect(throws: BoundaryError<Enrolment.Rejection>.self) {
                    try await handler.handle(Enrolment.Command(student: student, course: course))
                }
            }
        }
    }

    @Test("meet a conflict inside the boundary alone, and decide again", arguments: TestStore.all)
    func conflicts(_ make: TestStore) async throws {
        let base = try await make.make()
        try await offer(["algebra", "botany"], seats: 2, in: base)
        let rival = BoundaryHandler(Enrolment.self, in: base)
        for course in ["botany", "algebra"] {
            let store = WatchedStore(
                base,
                beforeAppend: { request throws(AppendError) in
                    guard request.condition != nil else { return }
                    // Somebody else takes a seat of algebra.
                    _ = try? await rival.handle(Enrolment.Command(student: "rival-\(course)", course: "algebra"))
                })
            let handler = BoundaryHandler(Enrolment.self, in: store, clock: LeapingClock())
            let command = Enrolment.Command(student: "ada-\(course)", course: course)
            if course == "botany" {
                try await handler.handle(command)
                #expect(store.appends == 1, "what happens to algebra is outside")
            } else {
                await #expect(throws: BoundaryError<Enrolment.Rejection>.rejected(.full)) {
                    try await handler.handle(command)
                }
            }
        }
    }

    @Test("are given up after the attempts allowed", arguments: TestStore.all)
    func givesUp(_ make: TestStore) async throws {
        let base = try await make.make()
        try await offer(["algebra"], seats: 100, in: base)
        let store = WatchedStore(
            base,
            beforeAppend: { request throws(AppendError) in try await Self.look(at: "algebra", in: base) })
        let reader = BoundaryHandler(
            Enrolment.self, in: store, reader: Tolerant(), retry: RetryPolicy(attempts: 3), clock: LeapingClock())
        await #expect(throws: BoundaryError<Enrolment.Rejection>.conflict(attempts: 3)) {
            try await reader.handle(Enrolment.Command(student: "ada", course: "algebra"))
        }
        #expect(store.appends == 3)
        #expect(try await enrolments(in: base).isEmpty)
    }

    /// Records about a course what its decider does not know.
    private static func look(at course: String, in store: any EventStore) async throws(AppendError) {
        try await store.append([NewEvent(type: "school.seen", data: [], tags: [Tags.course(course)])], to: "seen-1")
    }

    /// Reads what it does not know as nothing.
    struct Tolerant: EventReader {
        let base = SchoolEvent.makeReader()
        func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [SchoolEvent] {
            event.type == "school.seen" ? [] : try base.decode(event)
        }
    }

    @Test("take effect once, by identifier, for good", arguments: TestStore.all)
    func once(_ make: TestStore) async throws {
        let store = try await make.make()
        try await offer(["algebra"], seats: 2, in: store)
        let handler = BoundaryHandler(Enrolment.self, in: store)
        let command = Enrolment.Command(student: "ada", course: "algebra")
        let first = try await handler.handle(command, commandID: "enrol-1")
        #expect(!first.isRepeat)
        try await handler.handle(Enrolment.Command(student: "bo", course: "algebra"))
        var again = try await handler.handle(command, commandID: "enrol-1")
        #expect(again.isRepeat)
        again.isRepeat = false
        #expect(again == first)
        #expect(try await enrolments(in: store).count == 2)
        // What has had its effect decides nothing, and says so.
        #expect(try await handler.handle(command).eventCount == 0)
        let empty = try await handler.handle(command, commandID: "enrol-2")
        #expect(empty.eventCount == 0)
        #expect(try await handler.handle(command, commandID: "enrol-2").isRepeat)
    }

    @Test("give the first receipt to a repeat after a lost reply", arguments: TestStore.all)
    func lostReply(_ make: TestStore) async throws {
        let base = try await make.make()
        try await offer(["algebra"], seats: 2, in: base)
        let command = Enrolment.Command(student: "ada", course: "algebra")
        let lost = AppendError.storageFailed(reason: "a test", mayBeWritten: true)
        // The request is lost the first time, and the reply the second.
        let (request, reply) = (Countdown(1), Countdown(1))
        let store = WatchedStore(
            base, beforeAppend: { _ throws(AppendError) in if request.take() { throw lost } },
            afterAppend: { _ throws(AppendError) in if reply.take() { throw lost } })
        let handler = BoundaryHandler(Enrolment.self, in: store)
        for count in 0...1 {
            let error = await #expect(throws: BoundaryError<Enrolment.Rejection>.append(lost)) {
                try await handler.handle(command, commandID: "enrol-1")
            }
            #expect(error?.mayBeRecorded == true)
            #expect(try await enrolments(in: base).count == count)
        }
        // The state has moved on: decided anew, the command would come to nothing.
        try await handler.handle(Enrolment.Command(student: "bo", course: "algebra"))
        let receipt = try await handler.handle(command, commandID: "enrol-1")
        #expect(receipt.isRepeat && receipt.position == 2 && receipt.eventCount == 1)
        #expect(receipt.streams.map(\.stream) == ["student-ada"] && receipt.streams.map(\.version) == [0])
        #expect(try await enrolments(in: base).map(\.student) == ["ada", "bo"])
    }

    @Test("are not called unrecorded when the receipt of a repeat cannot be read", arguments: TestStore.all)
    func unreadableReceipt(_ make: TestStore) async throws {
        let store = try await make.make()
        try await offer(["algebra"], seats: 2, in: store)
        let command = Enrolment.Command(student: "ada", course: "algebra")
        try await BoundaryHandler(Enrolment.self, in: store).handle(command, commandID: "enrol-1")
        for reason: ReadError in [.cancelled, .storageFailed(reason: "a test")] {
            let handler = BoundaryHandler(Enrolment.self, in: UnreadableLog(base: store, error: reason))
            let error = await #expect(throws: BoundaryError<Enrolment.Rejection>.self) {
                try await handler.handle(command, commandID: "enrol-1")
            }
            #expect(error?.mayBeRecorded == true)
        }
    }

    @Test("are not taken on what cannot be read, inside their boundary alone", arguments: TestStore.all)
    func undecodable(_ make: TestStore) async throws {
        let store = try await make.make()
        try await offer(["algebra", "botany"], seats: 2, in: store)
        try await Self.look(at: "algebra", in: store)
        let handler = BoundaryHandler(Enrolment.self, in: store)
        let command = Enrolment.Command(student: "ada", course: "algebra")
        let error = await #expect(throws: BoundaryError<Enrolment.Rejection>.self) {
            try await handler.handle(command, commandID: "enrol-1")
        }
        guard case .undecodable(let cause)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(cause.position == 3 && cause.type == "school.seen" && cause.cause == .unknownType)
        #expect(error?.mayBeRecorded == false)
        #expect(try await store.head() == 3)
        try await handler.handle(Enrolment.Command(student: "ada", course: "botany"))
        // The identifier was not used up: with a reader that knows the event the command is carried out.
        let mended = BoundaryHandler(Enrolment.self, in: store, reader: Tolerant())
        #expect(try await !mended.handle(command, commandID: "enrol-1").isRepeat)
        #expect(try await enrolments(in: store).map(\.course) == ["botany", "algebra"])
    }

    @Test("that are cancelled say whether they may be recorded", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func cancelled(_ make: TestStore) async throws {
        let base = try await make.make()
        try await offer(["algebra"], seats: 2, in: base)
        let command = Enrolment.Command(student: "ada", course: "algebra")
        typealias Failure = BoundaryError<Enrolment.Rejection>

        // Before it is begun.
        let early = Task {
            while !Task.isCancelled { await Task.yield() }
            try await BoundaryHandler(Enrolment.self, in: base).handle(command, commandID: "enrol-1")
        }
        early.cancel()
        await #expect(throws: Failure.cancelled(mayBeRecorded: false)) { try await early.value }

        // While it waits for another attempt.
        let clock = DrivenClock()
        let contested = WatchedStore(
            base, beforeAppend: { _ throws(AppendError) in try await Self.look(at: "algebra", in: base) })
        let waiting = Task {
            try await BoundaryHandler(
                Enrolment.self, in: contested, reader: Tolerant(),
                retry: RetryPolicy(attempts: 10, base: .seconds(3600), ceiling: .seconds(3600)), clock: clock
            ).handle(command, commandID: "enrol-1")
        }
        try await clock.wait(forSleepers: 1)
        waiting.cancel()
        await #expect(throws: Failure.cancelled(mayBeRecorded: false)) { try await waiting.value }
        #expect(contested.appends == 1)
        #expect(try await enrolments(in: base).isEmpty)
        #expect(try await base.receipt(for: "enrol-1") == nil)

        // While the store has it: the reply does not come.
        let (recorded, signal) = AsyncStream.makeStream(of: Void.self)
        let silent = WatchedStore(
            base,
            afterAppend: { _ throws(AppendError) in
                signal.yield()
                while !Task.isCancelled { await Task.yield() }
                throw .cancelled(mayBeWritten: true)
            })
        let late = Task {
            try await BoundaryHandler(Enrolment.self, in: silent, reader: Tolerant())
                .handle(command, commandID: "enrol-1")
        }
        for await _ in recorded { break }
        late.cancel()
        await #expect(throws: Failure.cancelled(mayBeRecorded: true)) { try await late.value }
        let repeated = try await BoundaryHandler(Enrolment.self, in: base).handle(command, commandID: "enrol-1")
        #expect(repeated.isRepeat && repeated.eventCount == 1)
        #expect(try await enrolments(in: base).count == 1)
    }

    @Test("refuse an event that the next decision would not see", arguments: TestStore.all)
    func outside(_ make: TestStore) async throws {
        let store = try await make.make()
        try await offer(["algebra"], seats: 2, in: store)
        let error = await #expect(throws: BoundaryError<Enrolment.Rejection>.self) {
            try await BoundaryHandler(Enrolment.self, in: store)
                .handle(Enrolment.Command(student: "ada", course: "algebra", note: true))
        }
        #expect(error == .outsideBoundary(type: "school.noted", stream: "notes-1", tags: []))
        #expect(try await store.head() == 1)
    }

    @Test("carry who and why, and what caused them", arguments: TestStore.all)
    func context(_ make: TestStore) async throws {
        let store = try await make.make()
        try await offer(["algebra"], seats: 3, in: store)
        let handler = BoundaryHandler(Enrolment.self, in: store)
        func metadata(of student: String) async throws -> EventMetadata {
            let page = try await store.readPage(
                of: StreamName(unchecked: "student-\(student)"), from: .start, direction: .forward, limit: 1)
            return try EventMetadata(decoding: try #require(page.events.first).metadata)
        }
        _ = try await CommandContext.with(correlationID: "request-5", actor: "clerk-7", reason: "by telephone") {
            try await handler.handle(Enrolment.Command(student: "ada", course: "algebra"), commandID: "enrol-1")
        }
        let ada = try await metadata(of: "ada")
        #expect(ada.actor == "clerk-7" && ada.reason == "by telephone")
        #expect(ada.correlationID == "request-5" && ada.causationID == "enrol-1")
        // Without a context the command stands for the request, or a new identifier where it has none.
        try await handler.handle(Enrolment.Command(student: "bo", course: "algebra"), commandID: "enrol-2")
        let bo = try await metadata(of: "bo")
        #expect(bo.correlationID == "enrol-2" && bo.causationID == "enrol-2" && bo.actor == nil)
        try await handler.handle(Enrolment.Command(student: "cy", course: "algebra"))
        let cy = try await metadata(of: "cy")
        #expect(cy.correlationID?.isEmpty == false && cy.causationID == nil)
    }
}
