/// What a decoder was asked for at one place of the data.
final class ShapeNode {
    private(set) var fields: [String: (node: ShapeNode, isOptional: Bool)] = [:]
    /// The shape when it is known as a whole.
    var whole: DataShape?
    var isObject = false
    /// The cases among which the type chose by the object's only key.
    var caseNames: [String]?

    func field(_ name: String) -> ShapeNode {
        if let field = fields[name] { return field.node }
        let node = ShapeNode()
        fields[name] = (node, false)
        return node
    }

    func markOptional(_ name: String) {
        _ = field(name)
        fields[name]?.isOptional = true
    }

    /// Forgets what an attempt recorded that came to nothing.
    func reset() {
        fields = [:]
        whole = nil
        isObject = false
        caseNames = nil
    }

    var shape: DataShape {
        if let whole { return whole }
        guard isObject else { return .any }
        return .object(fields.mapValues { DataShape.Field($0.node.shape, isOptional: $0.isOptional) })
    }
}
