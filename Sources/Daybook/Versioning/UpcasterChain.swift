import DaybookCore
import Foundation

/// All upcasters of an enum of events, found by type and version.
struct UpcasterChain: Sendable {
    /// Why an event could not be lifted.
    struct Failure: Error {
        var reason: String
    }

    private struct Key: Hashable {
        var type: EventType
        var version: UInt32
    }

    private let upcasters: [Key: Upcaster]

    /// - Precondition: No two upcasters apply to the same type and version.
    init(_ list: [Upcaster]) {
        var upcasters: [Key: Upcaster] = [:]
        for upcaster in list {
            let other = upcasters.updateValue(
                upcaster, forKey: Key(type: upcaster.type, version: upcaster.schemaVersion))
            precondition(
                other == nil,
                "Two upcasters apply to version \(upcaster.schemaVersion) of '\(upcaster.type)': leave one.")
        }
        self.upcasters = upcasters
    }

    func applies(to type: EventType, _ version: UInt32) -> Bool {
        !upcasters.isEmpty && upcasters[Key(type: type, version: version)] != nil
    }

    /// The events that no upcaster applies to any more, in order.
    func lift(_ event: Upcaster.Event) throws(Failure) -> [Upcaster.Event] {
        var lifted: [Upcaster.Event] = []
        try lift(event, depth: 0, into: &lifted)
        return lifted
    }

    private func lift(
        _ event: Upcaster.Event, depth: Int, into lifted: inout [Upcaster.Event]
    ) throws(Failure) {
        guard let upcaster = upcasters[Key(type: event.type, version: event.schemaVersion)] else {
            lifted.append(event)
            return
        }
        // A chain without a circle uses each upcaster at most once.
        guard depth < upcasters.count else {
            throw Failure(
                reason: "the upcasters go round in a circle, by version \(event.schemaVersion) of '\(event.type)'")
        }
        let next: [Upcaster.Event]
        do { next = try upcaster.lift(event.data) } catch {
            throw Failure(
                reason: "the upcaster from version \(event.schemaVersion) of '\(event.type)' threw: \(error)")
        }
        for event in next { try lift(event, depth: depth + 1, into: &lifted) }
    }
}
