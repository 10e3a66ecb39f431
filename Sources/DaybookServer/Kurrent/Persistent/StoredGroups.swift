#if Server
import DaybookCore
import Foundation

/// All groups, as one event tells them: the last event of `$persistentSubscriptionConfig` is what there is.
struct StoredGroups: Sendable, Equatable, Codable {
    struct Group: Sendable, Equatable, Codable {
        /// A stream's name, or `$all`.
        var stream: String
        var group: String
        var settings: PersistentSettings
        var filter: KurrentFilter.Definition?

        var name: PersistentGroupName { PersistentGroupName(stream: stream, group: group) }
    }

    /// Of this form.
    var version = 1
    var groups: [Group] = []

    static let stream = "$persistentSubscriptionConfig"
    private static let type = "$PersistentConfig"
    /// The one before is kept, so that a person may see what changed.
    private static let metadata = "{\"$maxCount\":2}"

    /// What was written last; no groups when nothing was.
    static func load(from log: KurrentLog) async throws -> StoredGroups {
        guard let event = try await log.lastEvent(of: try log.stream(Self.stream)), event.type.rawValue == Self.type
        else {
            return StoredGroups()
        }
        do {
            return try JSONDecoder().decode(StoredGroups.self, from: Data(event.data))
        } catch {
            throw ServerError.unreadableGroups(position: event.position, reason: "\(error)")
        }
    }

    func save(to log: KurrentLog) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let event = NewEvent(type: EventType(unchecked: Self.type), data: Array(try encoder.encode(self)))
        let isFirst = try await log.state(of: try log.stream(Self.stream)).lastVersion == nil
        _ = try await log.append([event], to: Self.stream, expecting: .any)
        guard isFirst else { return }
        let metadata = NewEvent(type: EventType(unchecked: KurrentNames.metadataType), data: Array(Self.metadata.utf8))
        _ = try await log.append([metadata], to: KurrentNames.metadataPrefix + Self.stream, expecting: .any)
    }
}
#endif
