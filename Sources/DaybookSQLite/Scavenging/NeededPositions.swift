import DaybookCore
import Foundation

/// Up to where each consumer whose state is in the file needs nothing any more. What one needs must not be removed.
///
/// A checkpoint or read model stands at a position of the log, with these exceptions, which lie in its documents: a
/// consumer group's checkpoint counts its changes, and its document `group` and those of its held keys tell what it
/// still needs; a projection still needs the events of its parked keys; inboxes, elections, aliases and receivers follow no
/// log. A process manager records in a stream how far it has reacted; its deadlines, a read model, may be far ahead.
struct NeededPositions {
    private let reader: LogReader
    private let connection: Connection
    private let documents: DocumentTable

    init(_ reader: LogReader) throws(SQLiteFailure) {
        self.reader = reader
        connection = reader.connection
        documents = try reader.derivedTables().documents
    }

    /// Names and positions, the lowest first.
    func all(head: Int64, now: Timestamp) throws(StoreFailure) -> [ScavengeReport.Consumer] {
        var found: [ScavengeReport.Consumer]
        let categories: Set<DaybookCore.Category>
        do throws(SQLiteFailure) {
            found = try saved()
            categories = try processes()
        } catch {
            throw StoreFailure(reading: error, fromIndex: false)
        }
        for category in categories {
            let position = try reacted(category, head: head, now: now)
            found.append(.init(name: category.rawValue, position: position))
        }
        return found.sorted { ($0.position, $0.name) < ($1.position, $1.name) }
    }

    /// Those that have a checkpoint or a read model.
    private func saved() throws(SQLiteFailure) -> [ScavengeReport.Consumer] {
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
        return found
    }

    /// The categories of the process managers that were ever run: each begins with the retention of its progress, which
    /// gives the stream's name a number.
    private func processes() throws(SQLiteFailure) -> Set<DaybookCore.Category> {
        var found: Set<DaybookCore.Category> = []
        let prefix = ConsumerPosition.progressPrefix
        let streams = try connection.prepare(
            """
            SELECT text FROM names
            WHERE kind = \(NameKind.stream.rawValue) AND substr(text, 1, \(prefix.utf8.count)) = '\(prefix)'
            """)
        while try streams.step() {
            let category = streams.text(0).utf8.dropFirst(prefix.utf8.count)
            found.insert(DaybookCore.Category(unchecked: String(decoding: category, as: UTF8.self)))
        }
        return found
    }

    /// From where a process manager would go on: the start of the log where its progress is missing or unreadable.
    private func reacted(
        _ category: DaybookCore.Category, head: Int64, now: Timestamp
    ) throws(StoreFailure) -> Position {
        do throws(StoreFailure) {
            let page = try reader.page(
                of: ConsumerPosition.progressStream(of: category), from: .end, direction: .backward, limit: 1,
                head: head, now: now)
            guard let last = page.events.first else { return .start }
            let reached = ConsumerPosition(process: category, progress: last.data, at: last.position).position
            return max(reached, .start)
        } catch {
            guard case .damaged = error else { throw error }
            return .start
        }
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
