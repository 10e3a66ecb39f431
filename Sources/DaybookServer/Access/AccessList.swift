#if Server
import DaybookCore
import Foundation

/// The access list in a stream's metadata, KurrentDB's `$acl`: the names of those who have each right. A right without names is
/// not said anything about.
struct AccessList: Sendable, Hashable {
    private var names: [StreamRight: [String]] = [:]

    init() {}

    init(_ names: [StreamRight: [String]]) { self.names = names }

    /// Of an object whose keys are those of ``StreamRight``, each with a name or an array of names. Nil for another value.
    init?(json: JSONText) {
        guard let members = json.members else { return nil }
        for (key, value) in members {
            guard let right = StreamRight(rawValue: key) else { continue }
            // A value that nobody can read names nobody: a mistake shall not open a stream.
            names[right] = value.string.map { [$0] } ?? value.elements?.compactMap(\.string) ?? []
        }
    }

    /// Of a stream's metadata; nil when it has no access list.
    init?(metadata: some Collection<UInt8>) {
        guard let object = try? JSONText(parsing: ArraySlice(metadata)) else { return nil }
        // The last one of two counts, as everywhere that reads the object.
        guard let member = object.members?.last(where: { $0.key == "$acl" }) else { return nil }
        self =
            AccessList(json: member.value)
            ?? AccessList(Dictionary(uniqueKeysWithValues: StreamRight.allCases.map { ($0, []) }))
    }

    subscript(right: StreamRight) -> [String]? { names[right] }

    var isEmpty: Bool { names.isEmpty }
}

/// The access lists of streams that have none, as the stream `$settings` tells them.
struct DefaultAccessLists: Sendable, Hashable {
    var ordinary = AccessList()
    var system = AccessList()

    init(ordinary: AccessList = AccessList(), system: AccessList = AccessList()) {
        self.ordinary = ordinary
        self.system = system
    }

    /// Of the data of an event of type `$settings`. What cannot be read opens nothing.
    init(settings: some Collection<UInt8>) {
        self.init()
        guard let members = (try? JSONText(parsing: ArraySlice(settings)))?.members else { return }
        for (key, value) in members {
            switch key {
            case "$userStreamAcl": ordinary = AccessList(json: value) ?? AccessList()
            case "$systemStreamAcl": system = AccessList(json: value) ?? AccessList()
            default: break
            }
        }
    }
}
#endif
