/// Prometheus' text format, read by its rules: each name has its help and type in front of its values, which stand together;
/// nothing is told twice; buckets only grow, and end with all.
///
/// See https://prometheus.io/docs/instrumenting/exposition_formats/
struct Exposition {
    struct Fault: Error, CustomStringConvertible {
        let line: String
        let reason: String

        var description: String { "\(reason): \(line)" }
    }

    struct Series: Hashable {
        let name: String
        let labels: [String: String]
    }

    private(set) var types: [String: String] = [:]
    private(set) var values: [Series: Double] = [:]
    private var helps: Set<String> = []
    /// The names whose values have ended.
    private var ended: Set<String> = []
    private var current: String?

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Fault(line: String(text.suffix(80)), reason: "no end of line") }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() { try read(String(line)) }
        try checkHistograms()
        for name in types.keys where !values.keys.contains(where: { family(of: $0.name) == name }) {
            throw Fault(line: name, reason: "a type without values")
        }
    }

    /// Nil when there is no such value.
    subscript(name: String, labels: [String: String]) -> Double? { values[Series(name: name, labels: labels)] }

    subscript(name: String) -> Double? { self[name, [:]] }

    /// The names that have a type.
    var names: Set<String> { Set(types.keys) }

    private mutating func read(_ line: String) throws {
        let words = line.split(separator: " ", maxSplits: 3).map(String.init)
        if line.hasPrefix("#") {
            guard words.count == 4, words[1] == "HELP" || words[1] == "TYPE" else {
                throw Fault(line: line, reason: "neither help nor type")
            }
            if words[1] == "HELP" {
                guard helps.insert(words[2]).inserted else { throw Fault(line: line, reason: "a second help") }
                return
            }
            guard ["counter", "gauge", "histogram"].contains(words[3]), helps.contains(words[2]),
                types.updateValue(words[3], forKey: words[2]) == nil
            else { throw Fault(line: line, reason: "an unknown or second type, or no help") }
            if let current { ended.insert(current) }
            current = words[2]
            return
        }
        let (series, rest) = try series(in: line)
        let name = family(of: series.name)
        guard let type = types[name], name == current, !ended.contains(name) else {
            throw Fault(line: line, reason: "not behind its type")
        }
        guard let value = Double(rest), value.isFinite, type == "gauge" || value >= 0 else {
            throw Fault(line: line, reason: "no value")
        }
        guard type != "counter" || series.name.hasSuffix("_total") else {
            throw Fault(line: line, reason: "a counter that is not named so")
        }
        guard values.updateValue(value, forKey: series) == nil else { throw Fault(line: line, reason: "told twice") }
    }

    /// The name under which a value's type is told.
    private func family(of name: String) -> String {
        for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) {
            let base = String(name.dropLast(suffix.count))
            if types[base] == "histogram" { return base }
        }
        return name
    }

    private func series(in line: String) throws -> (Series, rest: Substring) {
        var rest = line[...]
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
        guard let first = name.first, !first.isNumber else { throw Fault(line: line, reason: "no name") }
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            repeat {
                rest = rest.dropFirst()
                let label = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                rest = rest.dropFirst(label.count)
                guard !label.isEmpty, rest.hasPrefix("=\"") else { throw Fault(line: line, reason: "no label") }
                rest = rest.dropFirst(2)
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    switch rest.popFirst() {
                    case "n": value.append("\n")
                    case "\\": value.append("\\")
                    case "\"": value.append("\"")
                    default: throw Fault(line: line, reason: "an unknown escape")
                    }
                }
                guard labels.updateValue(value, forKey: String(label)) == nil else {
                    throw Fault(line: line, reason: "a label twice")
                }
            } while rest.first == ","
            guard rest.popFirst() == "}" else { throw Fault(line: line, reason: "labels without an end") }
        }
        guard rest.popFirst() == " " else { throw Fault(line: line, reason: "no space in front of the value") }
        return (Series(name: String(name), labels: labels), rest)
    }

    private func checkHistograms() throws {
        for (name, type) in types where type == "histogram" {
            var buckets: [[String: String]: [(bound: Double, count: Double)]] = [:]
            for (series, value) in values where series.name == name + "_bucket" {
                var labels = series.labels
                let text = labels.removeValue(forKey: "le") ?? ""
                guard let bound = text == "+Inf" ? Double.infinity : Double(text) else {
                    throw Fault(line: name, reason: "a bucket without a bound")
                }
                buckets[labels, default: []].append((bound, value))
            }
            for (labels, found) in buckets {
                let sorted = found.sorted { $0.bound < $1.bound }
                guard zip(sorted, sorted.dropFirst()).allSatisfy({ $0.count <= $1.count }) else {
                    throw Fault(line: "\(name) \(labels)", reason: "buckets that shrink")
                }
                guard let last = sorted.last, last.bound == .infinity, self[name + "_count", labels] == last.count,
                    self[name + "_sum", labels] != nil
                else { throw Fault(line: "\(name) \(labels)", reason: "no sum, or a count that differs") }
            }
        }
    }
}
