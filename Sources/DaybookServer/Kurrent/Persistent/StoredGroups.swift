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
    /// Where the stream stood that told them, and stands unless somebody else has changed them since. No part of what is stored.
    var expected = KurrentExpectation.noStream

    private enum CodingKeys: String, CodingKey {
        case version
        case groups
    }

    static let stream = "$persistentSubscriptionConfig"
    private static let type = "$PersistentConfig"
    /// The one before is kept, so that a person may see what changed.
    private static let metadata = "{\"$maxCount\":2}"

    /// What was written last; no groups when nothing was.
    static func load(from log: KurrentLog) async throws -> StoredGroups {
        let page: StreamPage
        do {
            page = try await log.store.readPage(
                of: try log.stream(Self.stream), from: .end, direction: .backward, limit: 1)
        } catch let error as ReadError {
            throw KurrentFailure(error)
        }
        var stored = StoredGroups()
        if let event = page.events.first, event.type.rawValue == Self.type {
            do {
                stored = try JSONDecoder().decode(StoredGroups.self, from: Data(event.data))
            } catch {
                throw ServerError.unreadableGroups(position: event.position, reason: "\(error)")
            }
        }
        if case .version(let version) = page.state.expectedVersion { stored.expected = .revision(version.rawValue) }
        return stored
    }

    /// Writes them, unless somebody else has changed them since they were loaded: another server, which would lose its groups.
    ///
    /// - Returns: What is to be expected next.
    func save(to log: KurrentLog) async throws -> KurrentExpectation {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let event = NewEvent(type: EventType(unchecked: Self.type), data: Array(try encoder.encode(self)))
        if try await log.state(of: try log.stream(Self.stream)).lastVersion == nil {
            let metadata = NewEvent(
                type: EventType(unchecked: KurrentNames.metadataType), data: Array(Self.metadata.utf8))
            _ = try await log.append([metadata], to: KurrentNames.metadataPrefix + Self.stream, expecting: .any)
        }
        let saved = try await log.append([event], to: Self.stream, expecting: expected)
        return saved.revision.map { KurrentExpectation.revision($0) } ?? expected
    }
}
#endif
