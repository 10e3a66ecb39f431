import Daybook
import DaybookCore
import DaybookTesting
import Foundation
import Synchronization
import Testing

@Suite("A scenario of a decision over several subjects")
struct BoundaryScenarioTests {
    private typealias Enrolment = BoundaryHandlerTests.Enrolment
    private typealias SchoolEvent = BoundaryHandlerTests.SchoolEvent

    private let algebra = BoundaryScenario(Enrolment.self).given(
        .offered(course: "algebra", seats: 1), in: "course-algebra")
    private let ada = Enrolment.Command(student: "ada", course: "algebra")
    private let bo = Enrolment.Command(student: "bo", course: "algebra")
    private let enrolled = PlacedEvent(SchoolEvent.enrolled(student: "ada", course: "algebra"), in: "student-ada")

    @Test("passes when the decider does as stated")
    func passes() {
        algebra.when(ada).then(enrolled).thenState(
            Enrolment.State(seats: 1, students: ["ada"], courses: ["algebra"], student: "ada", course: "algebra"))
        let full = algebra.given(.enrolled(student: "ada", course: "algebra"), in: "student-ada")
        full.when(bo).thenRejected(.full).thenState(
            Enrolment.State(seats: 1, students: ["ada"], student: "bo", course: "algebra"))
        full.when(ada).thenNothing()
        BoundaryScenario(Enrolment.self).givenOutside(.offered(course: "botany", seats: 1), in: "course-botany")
            .when(ada).thenRejected(.unknownCourse)
    }

    @Test("records what was expected and what happened")
    func fails() {
        let outcome = algebra.when(ada)
        let elsewhere = PlacedEvent(SchoolEvent.enrolled(student: "ada", course: "algebra"), in: "course-algebra")
        expectIssue(saying: ["in 'course-algebra'", "in 'student-ada'", "seats: 1"]) { outcome.then(elsewhere) }
        let tagged = PlacedEvent(
            SchoolEvent.enrolled(student: "ada", course: "algebra"), in: "student-ada", tags: ["school:1"])
        expectIssue(saying: [#"["course:algebra", "school:1", "student:ada"]"#]) { outcome.then(tagged) }
        let other = PlacedEvent(SchoolEvent.noted(course: "algebra"), in: "student-ada")
        expectIssue(saying: [#"noted(course: "algebra")"#]) { outcome.then(other) }
        expectIssue(saying: ["nothing"]) { outcome.thenNothing() }
        expectIssue(saying: ["rejected: full"]) { outcome.thenRejected(.full) }
        expectIssue(saying: ["rejected"]) { outcome.thenRejected() }
        expectIssue(saying: ["seats: 2"]) {
            outcome.thenState(Enrolment.State(seats: 2, student: "ada", course: "algebra"))
        }
        expectIssue(saying: ["rejected: unknownCourse"]) {
            BoundaryScenario(Enrolment.self).when(ada).then(enrolled)
        }
    }

    @Test("notices what the boundary does not take in, or takes in against what was stated")
    func boundary() {
        expectIssue(saying: ["does not take in", "botany", #"["course:botany"]"#, "givenOutside"]) {
            algebra.given(.offered(course: "botany", seats: 1), in: "course-botany").when(ada).then(enrolled)
        }
        expectIssue(saying: ["takes in what was given outside of it", "bo"]) {
            algebra.givenOutside(.enrolled(student: "bo", course: "algebra"), in: "student-bo").when(ada)
                .thenRejected(.full)
        }
        // The decider forgot its tag.
        var note = ada
        note.note = true
        expectIssue(saying: ["the next decision would not see it", "noted", "[]"]) { _ = algebra.when(note) }
    }

    @Test("finds the types and tags that a boundary and its events do not have in common")
    func coverage() throws {
        let school = [try SchemaSource(SchoolEvent.self)]
        algebra.thenBoundary(of: ada, takesIn: school, except: ["school.noted"])
        expectIssue(saying: ["'school.noted'", "tags of []"]) { algebra.thenBoundary(of: ada, takesIn: school) }
        expectIssue(saying: ["'school.offered'", "stated as an exception"]) {
            algebra.thenBoundary(of: ada, takesIn: school, except: ["school.noted", "school.offered"])
        }
        expectIssue(saying: ["'school.enrolled'", #"tags of ["course", "student"]"#]) {
            BoundaryScenario(Forgetful.self).thenBoundary(of: ada, takesIn: school, except: ["school.noted"])
        }
        expectIssue(saying: ["'school.note'", "none of the enums"]) {
            algebra.thenBoundary(of: ada, takesIn: school, except: ["school.noted", "school.note"])
        }
        BoundaryScenario(Forgetful.self)
            .thenBoundary(of: ada, takesIn: school, except: ["school.noted", "school.enrolled"])
    }

    @Test("are compared in the test of the schemas too")
    func schemas() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(EventID()).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = SchemaLockFile(path)
        let school = [try SchemaSource(SchoolEvent.self)]
        try file.check(
            school, boundaries: [SchemaBoundary(Enrolment.self, of: ada, except: ["school.noted"])], isWriting: true)
        try expectIssue(saying: ["'school.noted'", "tags of []"]) {
            try file.check(school, boundaries: [SchemaBoundary(Enrolment.self, of: ada)])
        }
        try expectIssue(saying: ["'school.enrolled'", #"tags of ["course", "student"]"#]) {
            try file.check(school, boundaries: [SchemaBoundary(Forgetful.self, of: ada, except: ["school.noted"])])
        }
        try expectIssue(saying: ["Enrolment folds 'school.", "none of the enums"]) {
            try SchemaLockFile(path + ".none").check([], boundaries: [SchemaBoundary(Enrolment.self, of: ada)])
        }
    }

    @Test("notices a decider that is not a pure function")
    func impure() {
        expectIssue(saying: ["Forgetful is not deterministic"]) { _ = BoundaryScenario(Forgetful.self).when(ada) }
    }

    /// Forgot a type, and takes chance from outside.
    private enum Forgetful: BoundaryDecider {
        typealias Event = SchoolEvent
        enum Rejection: Error {}
        static let counter = Mutex(0)

        static func boundary(of command: Enrolment.Command) -> EventQuery {
            EventQuery(types: ["school.offered"], tags: [BoundaryHandlerTests.Tags.course(command.course)])
        }
        static func initialState(for command: Enrolment.Command) -> Int { 0 }
        static func decide(_ command: Enrolment.Command, in state: Int) -> [PlacedEvent] {
            let seats = counter.withLock { counter in
                counter += 1
                return counter
            }
            return [PlacedEvent(SchoolEvent.offered(course: command.course, seats: seats), in: "course-algebra")]
        }
        static func evolve(_ state: inout Int, with event: SchoolEvent, of stream: StreamName) {}
    }
}
