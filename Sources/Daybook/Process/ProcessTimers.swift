import DaybookCore

/// A deadline that has neither passed nor been cancelled.
struct ProcessTimer: Codable, Sendable {
    var stream: StreamName
    var name: String
    /// RFC 3339.
    var at: String
}

/// The open deadlines of all processes, in the order of their times.
struct ProcessTimers<P: ProcessManager>: Projection {
    typealias Event = ProcessRecord<P.Command>

    var name: ReadModelName { ReadModelName(unchecked: "\(ReadModelKind.timersPrefix)\(P.category)") }
    var filter: EventFilter {
        EventFilter(
            categories: [P.category],
            types: ["process.deadlineSet", "process.deadlineCancelled", "process.deadlinePassed"])
    }

    struct BadTime: Error, CustomStringConvertible {
        let text: String
        var description: String { "'\(text)' is no time of RFC 3339." }
    }

    /// Times in microseconds of one width come in the order of time.
    func keys(for event: Event, recorded: RecordedEvent) throws -> [String] {
        switch event {
        case .deadlineSet(let name, let at), .deadlineCancelled(let name, let at), .deadlinePassed(let name, let at):
            guard let time = Timestamp(at) else { throw BadTime(text: at) }
            let digits = String(UInt64(bitPattern: time.microseconds) ^ (1 << 63))
            let padded = String(repeating: "0", count: 20 - digits.count) + digits
            return [[padded, recorded.stream.rawValue, name].joined(separator: "\u{1F}")]
        case .sent, .rejected: return []
        }
    }

    func apply(_ event: Event, recorded: RecordedEvent, key: String, to document: inout ProcessTimer?) {
        if case .deadlineSet(let name, let at) = event {
            document = ProcessTimer(stream: recorded.stream, name: name, at: at)
        } else {
            document = nil
        }
    }
}
