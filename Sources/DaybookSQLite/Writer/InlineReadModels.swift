import CSQLite
import DaybookCore

/// Runs the inline read models of a store in the transaction of each append.
final class InlineReadModels {
    private let models: [any InlineReadModel]
    private let documents: DocumentTable

    init(_ models: [any InlineReadModel], documents: DocumentTable) {
        self.models = models
        self.documents = documents
    }

    var isEmpty: Bool { models.isEmpty }

    /// Shows the events at some positions, which the open transaction has just recorded, to every read model.
    ///
    /// - Returns: The refusal of a read model that threw, or that has not seen everything before these events: it would be
    ///   incomplete for good.
    func apply(_ positions: ClosedRange<Int64>, log: LogWriter) throws -> AppendError? {
        guard positions.upperBound <= log.last.position else { return nil }
        let events = try log.reader.events(at: positions)
        for model in models {
            let before = positions.lowerBound - 1
            let reached = try documents.checkpoint(of: model.name)
            guard reached == before else {
                return .refused(
                    by: model.name.rawValue,
                    reason: "it was deleted or moved while the store was open: it stands at position \(reached), not "
                        + "\(before); " + (reached > before ? "delete it and " : "") + "open the store again")
            }
            let passing = events.filter(model.filter.matches)
            if !passing.isEmpty {
                let number = try documents.number(creating: model.name)
                var editor: any InlineDocuments = Editor(table: documents, model: number)
                do {
                    try model.apply(passing, to: &editor)
                } catch let failure as SQLiteFailure {
                    throw failure
                } catch {
                    return .refused(by: model.name.rawValue, reason: "\(error)")
                }
                // A model may pass over a failure with which SQLite has ended the transaction: nothing is to be changed outside.
                guard log.connection.isInTransaction else {
                    throw SQLiteFailure(SQLITE_FULL, nil, "applying '\(model.name)', which ended the transaction")
                }
            }
            try documents.setCheckpoint(positions.upperBound, of: model.name)
        }
        return nil
    }

    /// Brings read models that are new, or were not taken along the last time, up to the log's end.
    ///
    /// - Parameter path: The store's file, for the error.
    /// - Throws: ``OpenError/refused(path:by:reason:)`` when one cannot take an event.
    func catchUp(_ log: LogReader, head: Int64, path: String) throws {
        for model in models {
            var next = try documents.checkpoint(of: model.name) + 1
            while next <= head {
                let end = min(head, next + Self.eventsPerTransaction - 1)
                let events = try log.events(at: next...end).filter(model.filter.matches)
                try log.connection.execute("BEGIN IMMEDIATE")
                let number = try documents.number(creating: model.name)
                var editor: any InlineDocuments = Editor(table: documents, model: number)
                do {
                    if !events.isEmpty { try model.apply(events, to: &editor) }
                    try documents.setCheckpoint(end, of: model.name)
                    try log.connection.execute("COMMIT")
                } catch {
                    if log.connection.isInTransaction { try? log.connection.execute("ROLLBACK") }
                    if error is SQLiteFailure { throw error }
                    throw OpenError.refused(path: path, by: model.name, reason: "\(error)")
                }
                next = end + 1
            }
        }
    }

    private static let eventsPerTransaction: Int64 = 1000

    private struct Editor: InlineDocuments {
        let table: DocumentTable
        let model: Int64

        func document(_ key: String) throws -> [UInt8]? { try table.document(key, of: model) }

        func set(_ data: [UInt8]?, for key: String) throws {
            if let data, data.count > Limits.documentBytes {
                throw DerivedStateError.tooLarge(key: key, bytes: data.count)
            }
            try table.set(data, for: key, of: model)
        }
    }
}

extension LogReader {
    /// The events at consecutive positions.
    func events(at positions: ClosedRange<Int64>) throws(StoreFailure) -> [RecordedEvent] {
        var page = PageBuilder(expecting: positions.count)
        try records(from: positions.lowerBound, through: positions.upperBound) {
            position, record throws(StoreFailure) in
            try page.add(record, at: position, from: self)
            return true
        }
        return page.events()
    }
}
