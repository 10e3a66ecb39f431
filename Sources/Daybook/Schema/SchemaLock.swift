import DaybookCore

/// The schemas of all events that a program has ever written, as it keeps them beside its source.
///
/// An entry stays when its event gets another version or is no longer written: the log still has events of it. A test
/// of the program compares it with its enums (`SchemaLockFile` of `DaybookTesting`).
public struct SchemaLock: Sendable, Hashable {
    /// By type, then category, then version.
    public private(set) var entries: [EventSchema] = []

    public init() {}

    /// Reads the text that ``text`` gives.
    ///
    /// - Throws: ``MalformedSchemaLock``.
    public init(parsing bytes: some Sequence<UInt8>) throws(MalformedSchemaLock) {
        let lock: JSONValue
        do { lock = try JSONValue(parsing: bytes) } catch { throw MalformedSchemaLock(problem: "\(error).") }
        guard case .object(let root) = lock, root["format"] == 1,
            case .array(let events)? = root["events"]
        else { throw MalformedSchemaLock(problem: "It is no schema lock of format 1.") }
        for (index, event) in events.enumerated() {
            guard case .object(let members) = event, let name = members["type"]?.text,
                let type = EventType(rawValue: name),
                case .integer(let version)? = members["schemaVersion"], let version = UInt32(exactly: version),
                let shape = members["shape"], let sample = members["sample"]
            else {
                throw MalformedSchemaLock(problem: "Event \(index) lacks its type, schemaVersion, shape or sample.")
            }
            var keys: [String] = []
            if case .array(let texts)? = members["tags"] { keys = texts.compactMap(\.text) }
            let category = members["category"]?.text.map { Category(unchecked: $0) }
            entries.append(
                EventSchema(
                    type: type, schemaVersion: version, in: category, shape: DataShape(jsonSchema: shape),
                    sample: sample, tagKeys: keys))
        }
        sort()
    }

    /// The lock as indented JSON: a change of one event changes the lines of that event.
    public var text: String {
        let events = entries.map { entry -> JSONValue in
            var members: [String: JSONValue] = [
                "type": .string(entry.type.rawValue), "schemaVersion": .integer(Int64(entry.schemaVersion)),
                "shape": entry.shape.jsonSchema, "sample": entry.sample,
                "tags": .array(entry.tagKeys.map(JSONValue.string)),
            ]
            members["category"] = entry.category.map { .string($0.rawValue) }
            return .object(members)
        }
        return (["format": 1, "events": .array(events)] as JSONValue).indentedText + "\n"
    }

    /// What differs between the lock and a program's events; nothing when it is up to date.
    ///
    /// - Parameter sources: All enums of the program: a locked event that none of them reads is a finding.
    public func findings(for sources: [SchemaSource]) -> [SchemaFinding] {
        var findings: [SchemaFinding] = []
        let current = sources.flatMap(\.schemas)
        for (index, source) in sources.enumerated() {
            for schema in source.schemas where sources[..<index].contains(where: { $0.writes(schema) }) {
                findings.append(.ambiguous(schema.type, version: schema.schemaVersion, in: schema.category))
            }
        }
        for entry in entries {
            if let today = today(of: entry, in: current) {
                let changes = today.shape.changes(since: entry.shape)
                let breaking = changes.filter { !$0.isCompatible }
                if !breaking.isEmpty {
                    findings.append(
                        .incompatible(entry.type, version: entry.schemaVersion, in: entry.category, breaking))
                    continue
                }
                if !changes.isEmpty {
                    findings.append(
                        .extended(entry.type, version: entry.schemaVersion, in: entry.category, changes))
                }
                let lost = entry.tagKeys.filter { !today.tagKeys.contains($0) }
                let new = today.tagKeys.filter { !entry.tagKeys.contains($0) }
                if !lost.isEmpty { findings.append(.tagsLost(entry.type, lost)) }
                if !new.isEmpty { findings.append(.tagsAdded(entry.type, new)) }
            }
            if let reason = entry.unreadableReason(for: sources) {
                findings.append(
                    .unreadable(entry.type, version: entry.schemaVersion, in: entry.category, reason: reason))
            }
        }
        for schema in current where !entries.contains(where: schema.isSameKind(as:)) {
            findings.append(.added(schema.type, version: schema.schemaVersion, in: schema.category))
        }
        return findings
    }

    /// What an entry is today, when the program still writes it.
    private func today(of entry: EventSchema, in current: [EventSchema]) -> EventSchema? {
        if let same = current.first(where: entry.isSameKind(as:)) { return same }
        guard entry.category == nil else { return nil }
        // Locked before the program told streams apart: it is the one that was written then, if only one can be meant.
        let candidates = current.filter { $0.type == entry.type && $0.schemaVersion == entry.schemaVersion }
        return candidates.count == 1 ? candidates.first : nil
    }

    /// Takes in what is new in a program's events. What is locked and no longer written stays.
    public mutating func accept(_ sources: [SchemaSource]) {
        for schema in sources.flatMap(\.schemas) {
            entries.removeAll(where: schema.isSameKind(as:))
            entries.append(schema)
        }
        sort()
    }

    private mutating func sort() {
        func place(_ entry: EventSchema) -> (EventType, String, UInt32) {
            (entry.type, entry.category?.rawValue ?? "", entry.schemaVersion)
        }
        entries.sort { place($0) < place($1) }
    }
}

extension EventSchema {
    /// Why no enum can read the sample as it would be recorded; nil when one can.
    fileprivate func unreadableReason(for sources: [SchemaSource]) -> String? {
        var readers = sources.filter { $0.eventTypes.contains(type) }
        // An entry without a category may be older than the categories of the program's sources: one of them reads it.
        if category != nil || readers.contains(where: { $0.category == nil }) {
            readers.sort { ($0.category == nil ? 1 : 0) < ($1.category == nil ? 1 : 0) }
            readers = Array(readers.filter { $0.category == nil || $0.category == category }.prefix(1))
        }
        guard !readers.isEmpty else { return "no enum of the program has this type." }
        let event = RecordedEvent(
            id: EventID(), type: type, schemaVersion: schemaVersion, contentType: .json, data: sample.bytes[...],
            metadata: [], tags: [], stream: "schema-sample", version: 0, position: 1,
            recordedAt: Timestamp(microseconds: 0))
        var reason: String?
        for source in readers {
            do {
                try source.read(event)
                return nil
            } catch {
                switch error.cause {
                case .unknownType: reason = "no enum of the program has this type."
                case .newerSchema(let known): reason = "the program knows it up to version \(known)."
                case .notLifted(let text), .notLowered(let text), .undecodableData(let text): reason = text
                }
            }
        }
        return reason
    }
}

extension JSONValue {
    /// The value as text with two spaces for each level, keys sorted; lists of plain values on one line.
    var indentedText: String { indentedText("") }

    private func indentedText(_ indent: String) -> String {
        let inner = indent + "  "
        switch self {
        case .object(let members) where !members.isEmpty:
            let lines = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { key, value in
                inner + String(decoding: JSONValue.string(key).bytes, as: UTF8.self) + ": " + value.indentedText(inner)
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n" + indent + "}"
        case .array(let elements) where elements.contains(where: \.isNested):
            return "[\n" + elements.map { inner + $0.indentedText(inner) }.joined(separator: ",\n") + "\n" + indent
                + "]"
        default: return String(decoding: bytes, as: UTF8.self)
        }
    }

    private var isNested: Bool {
        switch self {
        case .object, .array: true
        default: false
        }
    }
}
