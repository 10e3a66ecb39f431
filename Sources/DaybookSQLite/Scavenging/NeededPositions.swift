import DaybookCore
import Foundation

/// Up to where each consumer whose state is in the file needs nothing any more. What one needs must not be removed.
///
/// A checkpoint or read model stands at a position of the log, with these exceptions, which lie in its documents: a
/// consumer group's checkpoint counts its changes, and its document `group` and those of its held keys tell what it
/// still needs; a projection still needs the events of its parked keys; inboxes, elections, aliases and receivers follow no
/// log.
struct NeededPositions {
    private let connection: Connection
    private let documents: DocumentTable

    init(_ reader: LogReader) throws(SQLiteFailure) {
        connection = reader.connection
        documents = try reader.derivedTables().documents
    }

    /// Names and positions, the lowest first.
    func all() throws(SQLiteFailure) -> [ScavengeReport.Consumer] {
        var found: [ScavengeReport.Consumer] = []
        let checkpoints = try connection.prepare("SELECT name, position FROM checkpoints")
        while try checkpoints.step() {
            found.append(.init(name: checkpoints.text(0), position: Position(checkpoints.integer(1))))
        }
        let models = try connection.prepare("SELECT id, name, position FROM read_models")
        while try models.step() {
            let (number, name, position) = (models.integer(0), models.text(1), models.integer(2))
            switch ReadModelKind(of: name) {
            case .other: continue
            case .consumerGroup(let group):
                found.append(.init(name: group, position: Position(try settled(ofGroup: number))))
            case .documents, .processTimers:
                guard try documents.document(ReservedDocument.inbox, of: number) == nil else { continue }
                let needed = try firstParked(of: number).map { min(position, $0 - 1) } ?? position
                found.append(.init(name: name, position: Position(max(needed, 0))))
            }
        }
        return found.sorted { ($0.position, $0.name) < ($1.position, $1.name) }
    }

    private struct Entry: Decodable { var position: Int64 }

    private struct Group: Decodable {
        var scanned: Int64
        var window: [Entry]
    }

    private struct HeldKey: Decodable { var events: [Entry] }

    /// The position up to which a consumer group needs nothing any more: 0 when its documents cannot be read.
    private func settled(ofGroup model: Int64) throws(SQLiteFailure) -> Int64 {
        guard let data = try documents.document(ConsumerPosition.groupDocument, of: model),
            let group = try? JSONDecoder().decode(Group.self, from: Data(data))
        else { return 0 }
        var unsettled = group.window.map(\.position)
        var isReadable = true
        try documents.forEach(of: model, prefix: ConsumerPosition.heldPrefix) { data in
            if let held = try? JSONDecoder().decode(HeldKey.self, from: Data(data)) {
                unsettled += held.events.map(\.position)
            } else {
                isReadable = false
            }
        }
        guard isReadable else { return 0 }
        return max(min(group.scanned, max(unsettled.min() ?? .max, 1) - 1), 0)
    }

    /// The first position that a parked key of a projection waits at; 1 when the document cannot be read.
    private func firstParked(of model: Int64) throws(SQLiteFailure) -> Int64? {
        guard let data = try documents.document(ReservedDocument.parkedKeys, of: model) else { return nil }
        guard let entries = try? JSONDecoder().decode([Entry].self, from: Data(data)) else { return 1 }
        return entries.map(\.position).min()
    }
}
