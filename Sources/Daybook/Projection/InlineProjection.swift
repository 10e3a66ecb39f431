import DaybookCore

/// A projection whose documents change in the transaction of the append itself, in a store that offers it: they are never
/// behind, and an event that the projection cannot take refuses the whole append.
///
/// ```swift
/// var configuration = SQLiteEventStore.Configuration()
/// configuration.inlineReadModels = [InlineProjection(Balances())]
/// let store = try await SQLiteEventStore.open("bank.daybook", configuration: configuration)
/// let balances = ReadModel(Balances(), of: store, in: store)
/// ```
///
/// **Price.** Its work is part of every append that its filter passes: the documents are read, decoded, changed and
/// written while every other writer waits. Keep it for what must never be behind, such as a name that may be taken once.
public struct InlineProjection<P: Projection>: InlineReadModel {
    public let projection: P
    private let reader: any EventReader<P.Event>

    public init(_ projection: P, reader: any EventReader<P.Event> = P.Event.makeReader()) {
        self.projection = projection
        self.reader = reader
    }

    /// A read model that a runner has left with parked keys: what they have missed would be lost.
    private struct HasParkedKeys: Error, CustomStringConvertible {
        let model: ReadModelName
        let keys: [String]
        var description: String {
            "\(keys.count) keys of read model '\(model)' are parked (\(keys.prefix(5).joined(separator: ", "))): resume them "
                + "by a ProjectionRunner before it is kept inline."
        }
    }

    public var name: ReadModelName { projection.name }
    public var filter: EventFilter { projection.filter }

    public func apply(_ events: [RecordedEvent], to documents: inout any InlineDocuments) throws {
        let parked = try ParkedKeys(try documents.document(ParkedKeys.document), of: name)
        guard parked.isEmpty else { throw HasParkedKeys(model: name, keys: parked.list.map(\.key)) }
        let page = ProjectionPage(events[...], by: reader, for: projection)
        var next = 0
        while next < page.outline.recorded.count {
            let batch = try ProjectionBatch(page.outline, from: next, limit: .max)
            next = batch.range.upperBound
            var stored: [String: [UInt8]] = [:]
            for key in batch.names { stored[key] = try documents.document(key) }
            let outcome = try ProjectionFold(projection: projection, parks: false)
                .run(batch, page.events, stored: stored, held: parked)
            if let failure = outcome.failure { throw failure.error }
            for (key, data) in outcome.changes { try documents.set(data, for: key) }
        }
    }
}
