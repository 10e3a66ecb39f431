import DaybookCore

/// Reads recorded events by the shapes of a schema lock alone, without the program that has their enums: whether a whole
/// log is what its lock says.
///
/// ```swift
/// let report = try await DecodingReport(reading: store, by: SchemaLockReader(lock))
/// ```
public struct SchemaLockReader: EventReader {
    private struct Kind: Hashable {
        var type: EventType
        var version: UInt32
    }

    private let shapes: [Kind: DataShape]
    private let newest: [EventType: UInt32]

    public init(_ lock: SchemaLock) {
        var shapes: [Kind: DataShape] = [:]
        var newest: [EventType: UInt32] = [:]
        for entry in lock.entries {
            shapes[Kind(type: entry.type, version: entry.schemaVersion)] = entry.shape
            newest[entry.type] = max(newest[entry.type] ?? 0, entry.schemaVersion)
        }
        self.shapes = shapes
        self.newest = newest
    }

    /// The event's data, when it has the shape of its type and version.
    public func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [JSONValue] {
        func failure(_ cause: EventDecodingError.Cause) -> EventDecodingError {
            EventDecodingError(event, as: "the schema lock", cause: cause)
        }
        guard let newest = newest[event.type] else { throw failure(.unknownType) }
        guard let shape = shapes[Kind(type: event.type, version: event.schemaVersion)] else {
            if event.schemaVersion > newest { throw failure(.newerSchema(known: newest)) }
            throw failure(.undecodableData(reason: "version \(event.schemaVersion) of it is not locked."))
        }
        let data: JSONValue
        do { data = try JSONValue(parsing: event.data) } catch {
            throw failure(.undecodableData(reason: "its data is no JSON: \(error)"))
        }
        if let problem = shape.problem(in: data) { throw failure(.undecodableData(reason: problem)) }
        return [data]
    }
}
