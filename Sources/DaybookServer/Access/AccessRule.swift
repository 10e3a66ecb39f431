#if Server
import Foundation

/// Who may, or may not, do what with the streams of a pattern: a line of the server's own access list.
struct AccessRule: Sendable, Hashable {
    enum Effect: String, Sendable, Hashable, Codable {
        case allow
        case deny
    }

    var effect: Effect
    /// Logins and groups; `$all` is every user.
    var names: [String]
    var rights: Set<StreamRight>
    var streams: StreamPattern

    init(_ effect: Effect, _ names: [String], _ rights: Set<StreamRight>, of streams: String) {
        self.effect = effect
        self.names = names
        self.rights = rights
        self.streams = StreamPattern(streams)
    }

    func applies(_ right: StreamRight, of resource: StreamResource, to principal: Principal) -> Bool {
        rights.contains(right) && streams.matches(resource.name.rawValue)
            && names.contains { principal.isNamed(by: $0) }
    }
}

extension AccessRule: Decodable {
    private enum Key: String, CodingKey, CaseIterable {
        case effect, users, rights, streams
    }

    private enum Word: String, Decodable, CaseIterable {
        case read, write, delete, readMetadata, writeMetadata

        var right: StreamRight {
            switch self {
            case .read: .read
            case .write: .write
            case .delete: .delete
            case .readMetadata: .readMetadata
            case .writeMetadata: .writeMetadata
            }
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            try container.decode(Effect.self, forKey: .effect), try container.decode([String].self, forKey: .users),
            Set(try container.decode([Word].self, forKey: .rights).map(\.right)),
            of: try container.decode(String.self, forKey: .streams))
    }

    /// Reads a list: an array of JSON such as
    /// `[{"effect":"deny","users":["$all"],"rights":["read"],"streams":"payroll-*"}]`.
    static func list(in json: some Collection<UInt8>) throws -> [AccessRule] {
        try JSONDecoder().decode([AccessRule].self, from: Data(json))
    }
}
#endif
