/// One way in which the data of an event has another shape than before.
public struct ShapeChange: Sendable, Hashable, CustomStringConvertible {
    /// Where: the keys from the event's data inwards, with `[]` for the elements of a list; empty for the data itself.
    public var path: String
    /// What, as the end of a sentence that begins with the path.
    public var problem: String
    /// Whether events of the old shape can be read, and mean what they meant, without an upcaster.
    public var isCompatible: Bool
    /// The key that is to be set, or removed, by an upcaster; nil where it is neither.
    var key: (name: String, isNew: Bool)?

    public var description: String { path.isEmpty ? "the data \(problem)" : "'\(path)' \(problem)" }

    public static func == (left: ShapeChange, right: ShapeChange) -> Bool {
        (left.path, left.problem, left.isCompatible) == (right.path, right.problem, right.isCompatible)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(path)
        hasher.combine(problem)
    }
}

extension DataShape {
    /// What differs in this shape from an older one, in the order of the keys.
    public func changes(since old: DataShape) -> [ShapeChange] {
        var changes: [ShapeChange] = []
        compare(old, at: "", into: &changes)
        return changes
    }

    private func compare(_ old: DataShape, at path: String, into changes: inout [ShapeChange]) {
        func add(_ problem: String, compatible: Bool, at place: String? = nil, key: (String, Bool)? = nil) {
            changes.append(
                ShapeChange(
                    path: place ?? path, problem: problem, isCompatible: compatible,
                    key: key.map { (name: $0.0, isNew: $0.1) }))
        }
        switch (old, self) {
        case (let old, let new) where old == new: break
        case (_, .any), (.integer, .number), (.enumeration, .string(nil)):
            add("was \(old.phrase), and is \(phrase)", compatible: true)
        case (.list(let old), .list(let new)): new.compare(old, at: path + "[]", into: &changes)
        case (.map(let old), .map(let new)): new.compare(old, at: path + ".*", into: &changes)
        case (.enumeration(let old), .enumeration(let new)):
            for text in old where !new.contains(text) { add("can no longer be '\(text)'", compatible: false) }
            for text in new where !old.contains(text) { add("can also be '\(text)'", compatible: true) }
        case (.variants(let old), .variants(let new)):
            for name in Set(old.keys).union(new.keys).sorted() {
                switch (old[name], new[name]) {
                case (let old?, let new?):
                    new.compare(old, at: path.isEmpty ? name : "\(path).\(name)", into: &changes)
                case (_?, nil): add("can no longer be '\(name)'", compatible: false)
                default: add("can also be '\(name)'", compatible: true)
                }
            }
        case (.object(let old), .object(let new)):
            for name in Set(old.keys).union(new.keys).sorted() {
                let place = path.isEmpty ? name : "\(path).\(name)"
                switch (old[name], new[name]) {
                case (let old?, let new?):
                    if old.isOptional, !new.isOptional {
                        add("may be missing in old events, and must be there", compatible: false, at: place)
                    } else if new.isOptional, !old.isOptional {
                        add("may be missing", compatible: true, at: place)
                    }
                    new.shape.compare(old.shape, at: place, into: &changes)
                case (_?, nil):
                    add("was removed", compatible: false, at: place, key: path.isEmpty ? (name, false) : nil)
                case (nil, let new?):
                    add(
                        new.isOptional ? "was added, and may be missing" : "was added, and old events do not have it",
                        compatible: new.isOptional, at: place,
                        key: path.isEmpty && !new.isOptional ? (name, true) : nil)
                default: break
                }
            }
        default: add("was \(old.phrase), and is \(phrase)", compatible: false)
        }
    }
}
