import DaybookCore

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
    /// Where more than one applies, so that none may.
    private let disputed: Set<Key>

    init(_ list: [Upcaster]) {
        var upcasters: [Key: Upcaster] = [:]
        var disputed: Set<Key> = []
        for upcaster in list {
            let key = Key(type: upcaster.type, version: upcaster.schemaVersion)
            if upcasters.updateValue(upcaster, forKey: key) != nil { disputed.insert(key) }
        }
        self.upcasters = upcasters
        self.disputed = disputed
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
        let key = Key(type: event.type, version: event.schemaVersion)
        guard let upcaster = upcasters[key] else {
            lifted.append(event)
            return
        }
        guard !disputed.contains(key) else {
            throw Failure(reason: "two upcasters apply to version \(key.version) of '\(key.type)': leave one")
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

extension Upcaster.Event {
    /// An event as it was recorded.
    init(_ recorded: RecordedEvent) throws(UpcasterChain.Failure) {
        let value: JSONValue
        do { value = try JSONValue(parsing: recorded.data) } catch {
            throw UpcasterChain.Failure(reason: "its data is no JSON object: \(error)")
        }
        guard case .object(let members) = value else {
            throw UpcasterChain.Failure(reason: "its data is no JSON object, but another JSON value")
        }
        self.init(recorded.type, schemaVersion: recorded.schemaVersion, data: members)
    }
}
