import Daybook
import DaybookCore
import DaybookTesting
import Foundation
import Testing

// The samples of "Decide over several subjects" stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The guide to decisions over several subjects", .timeLimit(.minutes(1)))
struct DecideOverSeveralSubjectsTests {
    @Test("runs")
    func boundaries() async throws {
        typealias Enrolment = BoundarySamples.Enrolment
        let store = InMemoryEventStore()
        let offered = BoundarySamples.SchoolEvent.offered(course: "algebra", seats: 1)
        let encoded = try JSONEventCodec<BoundarySamples.SchoolEvent>().encode(offered)
        try await store.append([NewEvent(encoded, tags: offered.tags)], to: "course-algebra")

        // sample: handle a boundary
        let enrolments = BoundaryHandler(Enrolment.self, in: store)
        try await enrolments.handle(.init(student: "ada", course: "algebra"), commandID: "enrol-17")
        // end of sample
        await #expect(throws: BoundaryError<Enrolment.Rejection>.self) {
            try await enrolments.handle(.init(student: "bo", course: "algebra"))
        }
    }
}

extension BoundarySamples {
    @Suite("The school of the guide to decisions over several subjects")
    struct SchoolTests {
        // sample: test a boundary
        @Test("A course has no more students than seats")
        func seats() throws {
            let course = BoundaryScenario(Enrolment.self)
                .given(.offered(course: "algebra", seats: 1), in: "course-algebra")
                .given(.enrolled(student: "ada", course: "algebra"), in: "student-ada")
            course.when(.init(student: "bo", course: "algebra")).thenRejected(.full)
            course.when(.init(student: "ada", course: "algebra")).thenNothing()
            course.thenBoundary(
                of: .init(student: "bo", course: "algebra"), takesIn: [try SchemaSource(SchoolEvent.self)])
        }
        // end of sample

        @Test("is locked with its boundary")
        func locked() throws {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(EventID()).json").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try SchemaLockFile(path).check([SchemaSource(SchoolEvent.self)], isWriting: true)
            // sample: lock a boundary
            try SchemaLockFile(path).check(
                [SchemaSource(SchoolEvent.self)],
                boundaries: [SchemaBoundary(Enrolment.self, of: .init(student: "ada", course: "algebra"))])
            // end of sample
        }
    }
}

enum BoundarySamples {
    typealias Tag = DaybookCore.Tag

    // sample: tag events
    enum Tags {
        static let course = TagKey<String>("course")
        static let student = TagKey<String>("student")
    }

    enum SchoolEvent: DomainEvent, Equatable {
        case offered(course: String, seats: Int)
        case enrolled(student: String, course: String)

        static let typePrefix = "school"
        var tags: [Tag] {
            switch self {
            case .offered(let course, _): [Tags.course(course)]
            case .enrolled(let student, let course): [Tags.student(student), Tags.course(course)]
            }
        }
    }
    // end of sample

    // sample: draw a boundary
    enum Enrolment: BoundaryDecider {
        typealias Event = SchoolEvent
        struct Command: Codable {
            var student: String
            var course: String
        }
        struct State {
            var seats = 0
            var students: Set<String> = []
            var courses: Set<String> = []
            let command: Command
        }
        enum Rejection: Error, Equatable { case full, tooManyCourses }

        static func boundary(of command: Command) -> EventQuery {
            EventQuery(items: [
                .init(tags: [Tags.course(command.course)]), .init(tags: [Tags.student(command.student)]),
            ])
        }

        static func initialState(for command: Command) -> State { State(command: command) }

        static func decide(_ command: Command, in state: State) throws(Rejection) -> [PlacedEvent] {
            if state.students.contains(command.student) { return [] }
            guard state.students.count < state.seats else { throw .full }
            guard state.courses.count < 2 else { throw .tooManyCourses }
            let event = SchoolEvent.enrolled(student: command.student, course: command.course)
            // Identifiers were checked where they came in.
            return [PlacedEvent(event, in: StreamName(unchecked: "student-\(command.student)"))]
        }

        static func evolve(_ state: inout State, with event: SchoolEvent, of stream: StreamName) {
            switch event {
            case .offered(let course, let seats): if course == state.command.course { state.seats = seats }
            case .enrolled(let student, let course):
                if course == state.command.course { state.students.insert(student) }
                if student == state.command.student { state.courses.insert(course) }
            }
        }
    }
    // end of sample

    // sample: write the new rule over several subjects
    enum SmallClasses: BoundaryDecider {
        static func boundary(of command: Enrolment.Command) -> EventQuery { Enrolment.boundary(of: command) }
        static func initialState(for command: Enrolment.Command) -> Enrolment.State {
            Enrolment.initialState(for: command)
        }

        static func decide(
            _ command: Enrolment.Command, in state: Enrolment.State
        ) throws(Enrolment.Rejection) -> [PlacedEvent] {
            guard state.students.count < 1 else { throw .full }
            return try Enrolment.decide(command, in: state)
        }

        static func evolve(_ state: inout Enrolment.State, with event: SchoolEvent, of stream: StreamName) {
            Enrolment.evolve(&state, with: event, of: stream)
        }
    }
    // end of sample
}
