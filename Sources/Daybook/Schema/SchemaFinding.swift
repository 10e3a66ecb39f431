import DaybookCore

/// A way in which a program's events differ from the locked ones.
public enum SchemaFinding: Sendable, Hashable, CustomStringConvertible {
    /// An event that is not locked yet.
    case added(EventType, version: UInt32, in: Category? = nil)
    /// The shape changed so that old events can be read as they are.
    case extended(EventType, version: UInt32, in: Category? = nil, [ShapeChange])
    /// The shape changed so that old events cannot be read, or would mean something else, under the same version.
    case incompatible(EventType, version: UInt32, in: Category? = nil, [ShapeChange])
    /// The program cannot read a sample of a locked event.
    case unreadable(EventType, version: UInt32, in: Category? = nil, reason: String)
    /// Two enums of the program write the event.
    case ambiguous(EventType, version: UInt32, in: Category? = nil)
    /// The event has other kinds of tags: decisions that ask for one of those that are gone do not see it.
    case tagsLost(EventType, [String])
    case tagsAdded(EventType, [String])

    /// Whether the program may go on once the lock is brought up to date; else it is to be changed.
    public var isAcceptable: Bool {
        switch self {
        case .added, .extended, .tagsAdded: true
        case .incompatible, .unreadable, .ambiguous, .tagsLost: false
        }
    }

    /// What it is, and what to write.
    public var description: String {
        switch self {
        case .added(let type, let version, let category):
            return "\(Self.name(type, category)) (version \(version)) is not locked yet."
        case .extended(let type, let version, let category, let changes):
            return "\(Self.name(type, category)) (version \(version)) was extended: \(Self.list(changes))."
        case .incompatible(let type, let version, let category, let changes):
            let next = version + 1
            var body = changes.compactMap(\.key).map { key in
                "        data[\"\(key.name)\"] = " + (key.isNew ? "/* what old events mean */" : "nil")
            }
            if body.isEmpty { body = ["        /* bring data into the shape of version \(next) */"] }
            return """
                \(Self.name(type, category)) changed, and events of version \(version) are recorded in the old shape: \(Self.list(changes)).
                Raise its version, and add an upcaster:
                    static func schemaVersion(of type: EventType) -> UInt32 { type == "\(type)" ? \(next) : 1 /* others as they were */ }
                    static let upcasters: [Upcaster] = [
                        .change("\(type)", from: \(version)) { data in
                """ + "\n" + body.map { "        " + $0 }.joined(separator: "\n") + "\n        },\n    ]"
        case .unreadable(let type, let version, let category, let reason):
            return """
                Recorded events \(Self.name(type, category)) (version \(version)) cannot be read any more: \(reason)
                If the event has another name or shape now, or no longer matters, add one of these to the upcasters:
                    .rename("\(type)", from: \(version), to: "…")
                    .change("\(type)", from: \(version)) { data in … }
                    .drop("\(type)", from: \(version))
                """
        case .ambiguous(let type, let version, let category):
            return """
                Two enums of the program have \(Self.name(type, category)) (version \(version)): a log of both could not be \
                read. Give each the category of its streams, SchemaSource(…, in: …), or a typePrefix of its own.
                """
        case .tagsLost(let type, let keys):
            return
                "'\(type)' lost its tags of \(keys.joined(separator: ", ")): decisions and reads that ask for them do "
                + "not see new events. Give them back, or remove them from the lock by hand."
        case .tagsAdded(let type, let keys):
            return "'\(type)' has new tags of \(keys.joined(separator: ", ")); events recorded before do not have them."
        }
    }

    private static func name(_ type: EventType, _ category: Category?) -> String {
        category.map { "'\(type)' in streams of '\($0)'" } ?? "'\(type)'"
    }

    private static func list(_ changes: [ShapeChange]) -> String {
        changes.map(\.description).joined(separator: "; ")
    }
}
