import ArgumentParser

/// What an imported file is written in.
enum InputFormat: String, CaseIterable, ExpressibleByArgument {
    /// Event lines, as `export` writes them.
    case ndjson
    /// A process log in XES (IEEE 1849).
    case xes
    /// A process log as a table (RFC 4180) with a header.
    case csv

    /// The format that a file's name tells, with or without `.gz`; event lines for standard input.
    init?(fileName: String) {
        let name = fileName.lowercased()
        let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        if plain == "-" || plain.hasSuffix(".ndjson") || plain.hasSuffix(".jsonl") || plain.hasSuffix(".json") {
            self = .ndjson
        } else if plain.hasSuffix(".xes") || plain.hasSuffix(".xml") {
            self = .xes
        } else if plain.hasSuffix(".csv") {
            self = .csv
        } else {
            return nil
        }
    }
}
