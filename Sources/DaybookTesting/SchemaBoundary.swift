import Daybook
import DaybookCore

/// A boundary decider as ``SchemaLockFile/check(_:boundaries:isWriting:sourceLocation:)`` looks at it: the boundaries of
/// some of its commands have to take in every event that it folds.
///
/// ```swift
/// SchemaBoundary(Enrolment.self, of: .init(student: "ada", course: "algebra"))
/// ```
///
/// So an event that is added to the enum next year, without the tag by which the decider would find it, fails the test of the
/// schemas instead of letting a decision overlook it.
public struct SchemaBoundary: Sendable {
    private let decider: String
    private let eventTypes: EventTypeSet
    private let boundaries: [(command: String, query: EventQuery)]
    private let exceptions: Set<EventType>

    /// - Parameters:
    ///   - decider: All enums that it folds have to be among the sources.
    ///   - command: One command for each way in which `BoundaryDecider.boundary(of:)` draws a boundary: for each case of
    ///     the command, as a rule.
    ///   - commands: The others.
    ///   - exceptions: Types that the decider folds and that these boundaries leave out on purpose.
    public init<D: BoundaryDecider>(
        _ decider: D.Type, of command: D.Command, _ commands: D.Command..., except exceptions: Set<EventType> = []
    ) {
        self.decider = "\(D.self)"
        eventTypes = D.Event.eventTypes
        boundaries = ([command] + commands).map { ("\($0)", D.boundary(of: $0)) }
        self.exceptions = exceptions
    }

    /// What is wrong with the boundaries, a text each.
    func findings(for sources: [SchemaSource]) -> [String] {
        let schemas = sources.flatMap(\.schemas).filter { eventTypes.contains($0.type) }
        let prefixes = eventTypes.prefixes.filter { prefix in
            !schemas.contains { $0.type.rawValue.utf8.starts(with: prefix.utf8) }
        }
        let unknown = eventTypes.types.subtracting(schemas.map(\.type)).map(\.rawValue) + prefixes.map { $0 + "…" }
        return unknown.sorted().map {
            "\(decider) folds '\($0)', which none of the enums has: add its SchemaSource to the sources."
        }
            + boundaries.flatMap {
                Self.findings(for: schemas, in: $0.query, of: $0.command, except: exceptions)
            }
    }

    /// What the boundary of a command does not take in, and takes in against what was stated.
    static func findings(
        for schemas: [EventSchema], in query: EventQuery, of command: String, except exceptions: Set<EventType>
    ) -> [String] {
        exceptions.subtracting(schemas.map(\.type)).sorted().map {
            "'\($0)' is stated as an exception, and is of none of the enums: take it out, or add its SchemaSource."
        }
            + schemas.compactMap { schema in
                let isInside = query.items.contains { item in
                    (item.types.isEmpty || item.types.contains(schema.type))
                        && item.tags.allSatisfy { schema.tagKeys.contains(String($0.key)) }
                }
                guard isInside == exceptions.contains(schema.type) else { return nil }
                return isInside
                    ? "The boundary of \(command) takes in '\(schema.type)', which is stated as an exception."
                    : "The boundary of \(command) does not take in '\(schema.type)', which has tags of "
                        + "\(schema.tagKeys): name the type in the boundary, give it the tags, or state it as an exception."
            }
    }
}
