import DaybookCore
import Foundation

/// How far the consumers whose state is in the file have come. What one has not seen yet must not be removed from it.
///
/// A checkpoint or read model stands at a position of the log, with these exceptions, which lie in its documents: a
/// consumer group's checkpoint counts its changes, and its document `group` and those of its held keys tell what it
/// still needs; a projection still needs the events of its parked keys; inboxes, elections, aliases and receivers follow no
/// log.
struct ConsumerPositions {
    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

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
                guard try document(ReservedDocument.inbox, of: number) == nil else { continue }
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
        let documents = try connection.prepare(
            "SELECT key, data FROM documents WHERE model = ? AND (key = 'group' OR key >= 'held/' AND key < 'held0')")
        documents.bind(1, model)
        defer { documents.reset() }
        var settled: Int64 = .max
        while try documents.step() {
            let data = Data(documents.bytes(1))
            if documents.text(0) == "group" {
                guard let group = try? JSONDecoder().decode(Group.self, from: data) else { return 0 }
                settled = min(settled, group.scanned, group.window.map { $0.position - 1 }.min() ?? .max)
            } else {
                guard let held = try? JSONDecoder().decode(HeldKey.self, from: data) else { return 0 }
                settled = min(settled, held.events.map { $0.position - 1 }.min() ?? .max)
            }
        }
        return settled == .max ? 0 : max(settled, 0)
    }

    /// The first position that a parked key of a projection waits at; 1 when the document cannot be read.
    private func firstParked(of model: Int64) throws(SQLiteFailure) -> Int64? {
        guard let data = try document(ReservedDocument.parkedKeys, of: model) else { return nil }
        guard let entries = try? JSONDecoder().decode([Entry].self, from: data) else { return 1 }
        return entries.map(\.position).min()
    }

    private func document(_ key: String, of model: Int64) throws(SQLiteFailure) -> Data? {
        let document = try connection.prepare("SELECT data FROM documents WHERE model = ? AND key = ?")
        document.bind(1, model)
        document.bind(2, key)
        defer { document.reset() }
        return try document.step() ? Data(document.bytes(0)) : nil
    }
}
