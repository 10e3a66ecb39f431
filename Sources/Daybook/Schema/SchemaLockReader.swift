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
        /// nil for all streams.
        var category: Category?
    }

    private let shapes: [Kind: DataShape]

    public init(_ lock: SchemaLock) {
        var shapes: [Kind: DataShape] = [:]
        for entry in lock.entries {
            shapes[Kind(type: entry.type, version: entry.schemaVersion, category: entry.category)] = entry.shape
        }
        self.shapes = shapes
    }

    /// The event's data, when it has the shape of its type and version.
    public func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [JSONValue] {
        func failure(_ cause: EventDecodingError.Cause) -> EventDecodingError {
            EventDecodingError(event, as: "the schema lock", cause: cause)
        }
        var kind = Kind(type: event.type, version: event.schemaVersion, category: event.stream.category)
        var shape = shapes[kind]
        if shape == nil {
            kind.category = nil
            shape = shapes[kind]
        }
        guard let shape else {
            let known = shapes.keys.filter {
                $0.type == event.type && [nil, event.stream.category].contains($0.category)
            }
            guard let newest = known.map(\.version).max() else { throw failure(.unknownType) }
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
