#if Server
/// The media types that a client takes, of its `Accept` headers.
///
/// See https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
struct HTTPAcceptance: Sendable {
    private var ranges: [(name: String, weight: Double)] = []

    init(_ headers: [String]) {
        for part in headers.joined(separator: ",").split(separator: ",") {
            let name = HTTPMediaType.name(of: part)
            guard !name.isEmpty else { continue }
            var weight = 1.0
            for parameter in part.split(separator: ";").dropFirst() {
                let text = parameter.filter { $0 != " " && $0 != "\t" }.lowercased()
                if text.hasPrefix("q=") { weight = Double(text.dropFirst(2)) ?? 0 }
            }
            ranges.append((name, weight))
        }
    }

    /// The one of these that the client likes best, the first of equals; nil when it takes none of them.
    func best(of types: [String]) -> String? {
        guard !ranges.isEmpty else { return types.first }
        var best: (type: String, weight: Double)?
        for type in types {
            let weight = weight(of: type)
            if weight > 0, weight > best?.weight ?? 0 { best = (type, weight) }
        }
        return best?.type
    }

    /// By the range that says most about the type.
    private func weight(of type: String) -> Double {
        let family = type.prefix { $0 != "/" } + "/*"
        for name in [type, String(family), "*/*"] {
            if let range = ranges.first(where: { $0.name == name }) { return range.weight }
        }
        return 0
    }
}
#endif
