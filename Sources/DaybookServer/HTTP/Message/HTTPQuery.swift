#if Server
import DaybookCore

/// The parameters of a request's query, taken out one by one by name; what nobody took is an error, so that a misspelt name is
/// not passed over.
struct HTTPQuery: Sendable {
    private var values: [(name: String, value: String)] = []

    init(_ text: String?) throws(HTTPProblem) {
        for part in (text ?? "").split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decoded(pair[0], plusIsSpace: true),
                let value = PercentEncoding.decoded(pair.count > 1 ? pair[1] : "", plusIsSpace: true)
            else { throw .malformed(String(part.prefix(40)), "is not UTF-8 in percent-encoding") }
            values.append((name, value))
        }
    }

    /// All values of a parameter that may be repeated.
    mutating func all(_ name: String) -> [String] {
        let found = values.filter { $0.name == name }.map(\.value)
        values.removeAll { $0.name == name }
        return found
    }

    /// The value of a parameter that may stand once.
    mutating func one(_ name: String) throws(HTTPProblem) -> String? {
        let found = all(name)
        guard found.count <= 1 else { throw .malformed(name, "stands \(found.count) times; keep one") }
        return found.first
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws(HTTPProblem) -> Int64? {
        guard let text = try one(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw .malformed(
                name, "is '\(text.prefix(40))'; use a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func boolean(_ name: String) throws(HTTPProblem) -> Bool {
        switch try one(name) {
        case nil, "false": return false
        case "true", "": return true
        case let text?: throw .malformed(name, "is '\(text.prefix(40))'; use true or false")
        }
    }

    mutating func name<Name: BoundedName>(_ key: String, as type: Name.Type = Name.self) throws(HTTPProblem) -> Name? {
        guard let text = try one(key) else { return nil }
        do { return try Name(text) } catch { throw HTTPProblem(error, in: key) }
    }

    mutating func names<Name: BoundedName>(_ key: String, as type: Name.Type = Name.self) throws(HTTPProblem) -> Set<
        Name
    > {
        var names: Set<Name> = []
        for text in all(key) {
            do { names.insert(try Name(text)) } catch { throw HTTPProblem(error, in: key) }
        }
        return names
    }

    /// What a writer expects of a stream, under the name `expected`.
    mutating func expectedVersion() throws(HTTPProblem) -> ExpectedVersion? {
        guard let text = try one("expected") else { return nil }
        guard let expected = ExpectedVersion(argument: text) else {
            throw .malformed(
                "expected", "is '\(text.prefix(40))'; use any, noStream, streamExists or a version from 0")
        }
        return expected
    }

    /// Who changes a stream and why, under the names `actor` and `reason`.
    mutating func changeMetadata() throws(HTTPProblem) -> EventMetadata {
        EventMetadata(actor: try one("actor"), reason: try one("reason"))
    }

    /// - Throws: The first parameter that nobody took.
    func finish() throws(HTTPProblem) {
        guard let name = values.first?.name else { return }
        throw .malformed(
            String(name.prefix(40)), "is no parameter of this request; check its spelling, or leave it out")
    }
}
#endif
