import Foundation

extension DataShape {
    /// Why a value does not have this shape, with its place in the value; nil when it has. Keys that the shape does not
    /// know are passed over, as a reader passes over them.
    ///
    /// - Complexity: O(value).
    public func problem(in value: JSONValue) -> String? { problem(in: value, at: "") }

    private func problem(in value: JSONValue, at path: String) -> String? {
        func wrong() -> String { "\(path.isEmpty ? "the data" : "'\(path)'") is not \(phrase)." }
        func inner(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        switch (self, value) {
        case (.any, _), (.boolean, .bool), (.integer, .integer), (.number, .integer), (.number, .number): return nil
        case (.integer, .number(let number)):
            // A whole number beyond 64 bits with a sign, or written with a fraction of zero.
            guard let decimal = number.decimal else { return wrong() }
            var (whole, rounded) = (decimal, Decimal())
            NSDecimalRound(&rounded, &whole, 0, .plain)
            return rounded == decimal ? nil : wrong()
        case (.string(let format), .string(let text)):
            switch format {
            case "date-time": return DateText.date(of: text) == nil ? wrong() : nil
            case "uuid": return UUID(uuidString: text) == nil ? wrong() : nil
            case "base64": return Data(base64Encoded: text) == nil ? wrong() : nil
            default: return nil
            }
        case (.enumeration(let texts), .string(let text)): return texts.contains(text) ? nil : wrong()
        case (.list(let element), .array(let elements)):
            for (index, value) in elements.enumerated() {
                if let problem = element.problem(in: value, at: "\(path)[\(index)]") { return problem }
            }
            return nil
        case (.map(let element), .object(let members)):
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                if let problem = element.problem(in: value, at: inner(key)) { return problem }
            }
            return nil
        case (.object(let fields), .object(let members)):
            for (key, field) in fields.sorted(by: { $0.key < $1.key }) {
                switch members[key] {
                case nil: if !field.isOptional { return "'\(inner(key))' is missing." }
                case .null where field.isOptional: continue
                case let value?: if let problem = field.shape.problem(in: value, at: inner(key)) { return problem }
                }
            }
            return nil
        case (.variants(let cases), .object(let members)):
            guard members.count == 1, let (key, value) = members.first, let shape = cases[key] else { return wrong() }
            return shape.problem(in: value, at: inner(key))
        default: return wrong()
        }
    }
}
