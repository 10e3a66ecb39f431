/// Metrics in Prometheus' text format: each name once, with its help and its type, and its values behind it.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
package struct MetricText: Sendable {
    package enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    /// What tells the values of one name from each other.
    package typealias Labels = [(name: String, value: String)]

    package private(set) var text = ""
    private let common: [String]
    private var name = ""
    /// Written with the first value: a name that has none is not told of.
    private var heading = ""

    /// - Parameter common: Labels that every value has.
    package init(_ common: Labels = []) { self.common = common.map(Self.label) }

    /// Begins a name; the values that are added next are its. Each name is begun once.
    package mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        heading = "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    package mutating func add(_ value: Double, _ labels: Labels = []) {
        add(Self.number(value), suffix: "", labels)
    }

    package mutating func add(_ value: Int, _ labels: Labels = []) { add(String(value), suffix: "", labels) }

    package mutating func add(_ histogram: MetricHistogram, _ labels: Labels = []) {
        let snapshot = histogram.snapshot
        for (bound, count) in zip(snapshot.bounds, snapshot.cumulative) {
            add(String(count), suffix: "_bucket", labels + [(name: "le", value: Self.number(bound))])
        }
        add(String(snapshot.count), suffix: "_bucket", labels + [(name: "le", value: "+Inf")])
        add(Self.number(snapshot.sum), suffix: "_sum", labels)
        add(String(snapshot.count), suffix: "_count", labels)
    }

    /// A name with one value.
    package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        begin(name, kind, help)
        add(value)
    }

    package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        begin(name, kind, help)
        add(value)
    }

    private mutating func add(_ value: String, suffix: String, _ labels: Labels) {
        text += heading
        heading = ""
        text += name + suffix
        let all = common + labels.map(Self.label)
        if !all.isEmpty { text += "{" + all.joined(separator: ",") + "}" }
        text += " \(value)\n"
    }

    private static func label(_ label: (name: String, value: String)) -> String {
        "\(label.name)=\"\(escaped(label.value))\""
    }

    /// Whole numbers in full, without an exponent.
    private static func number(_ value: Double) -> String { Int64(exactly: value).map { String($0) } ?? String(value) }

    private static func escaped(_ label: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in label.unicodeScalars {
            switch scalar {
            case "\\", "\"": escaped.append(contentsOf: ["\\", scalar])
            case "\n": escaped.append(contentsOf: ["\\", "n"])
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
