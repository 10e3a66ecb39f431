import DaybookCore

/// Reads a process log in XES (IEEE 1849, https://xes-standard.org/): a trace becomes a stream, an event an event.
///
/// The activity (`concept:name`) is the event's type, `time:timestamp` its `$occurredAt`; all other attributes are its
/// data, with their types. The trace's own attributes stand under `case` in the data of its first event.
struct XESSource: ImportSource {
    private let source: ByteSource
    private let category: Category
    private var tokenizer = XMLTokenizer()
    private var bytesRead: Int64 = 0
    private var trace: Trace?
    private var event: Event?
    private var isAtEnd = false
    /// The attributes that are open at hand, the outermost first.
    private var attributes: [XESAttribute] = []
    /// How deep the tags at hand are inside an element that is passed over.
    private var ignoredDepth = 0

    private struct Trace {
        var attributes: [XESAttribute] = []
        var hasEvents = false
    }

    private struct Event {
        var line: Int
        var attributes: [XESAttribute] = []
        var problem: MalformedInput?
    }

    init(_ source: ByteSource, category: Category) {
        self.source = source
        self.category = category
    }

    var share: Double? { source.fileBytes.map { $0 > 0 ? Double(bytesRead) / Double($0) : 1 } }

    mutating func next() async throws -> ImportedEvent? {
        while true {
            switch try tokenizer.next() {
            case .start(let name, let attributes): try start(name, attributes, line: tokenizer.line)
            case .end(let name):
                if let imported = try end(name) { return imported }
            case nil:
                if isAtEnd { return nil }
                if let bytes = try await source.next() {
                    bytesRead += Int64(bytes.count)
                    tokenizer.feed(bytes)
                } else {
                    isAtEnd = true
                    tokenizer.finish()
                }
            }
        }
    }

    private mutating func start(
        _ name: String, _ tagAttributes: [XMLTokenizer.Attribute], line: Int
    ) throws(MalformedInput) {
        if ignoredDepth > 0 {
            ignoredDepth += 1
            return
        }
        switch name {
        case "log" where trace == nil: return
        case "trace" where trace == nil: trace = Trace()
        case "event" where trace != nil && event == nil && attributes.isEmpty: event = Event(line: line)
        case "values" where !attributes.isEmpty: return  // Only groups the elements of a list.
        default:
            guard trace != nil else {  // What describes the whole log.
                ignoredDepth = 1
                return
            }
            do {
                if let attribute = try XESAttribute(element: name, attributes: tagAttributes, line: line) {
                    attributes.append(attribute)
                } else {
                    ignoredDepth = 1
                }
            } catch {
                ignoredDepth = 1
                guard event != nil else { throw error }
                // Told once the event ends, so that reading can go on.
                if event?.problem == nil { event?.problem = error }
            }
        }
    }

    private mutating func end(_ name: String) throws -> ImportedEvent? {
        if ignoredDepth > 0 {
            ignoredDepth -= 1
            return nil
        }
        if name == "values" { return nil }
        if let attribute = attributes.popLast() {
            if !attributes.isEmpty {
                attributes[attributes.count - 1].nested.append(attribute)
            } else if event != nil {
                event?.attributes.append(attribute)
            } else if trace?.hasEvents == true {
                throw MalformedInput(
                    line: tokenizer.line,
                    reason: "Attribute '\(attribute.key)' of a trace stands behind its events: put it before them.")
            } else {
                trace?.attributes.append(attribute)
            }
            return nil
        }
        if name == "event", let event {
            self.event = nil
            return try imported(event)
        }
        if name == "trace" { trace = nil }
        return nil
    }

    private mutating func imported(_ event: Event) throws(MalformedInput) -> ImportedEvent {
        if let problem = event.problem { throw problem }
        guard let trace, let caseName = trace.attributes.first(where: { $0.key == ProcessLogKey.name })?.text else {
            throw MalformedInput(line: event.line, reason: "The trace of this event has no '\(ProcessLogKey.name)'.")
        }
        guard let activity = event.attributes.first(where: { $0.key == ProcessLogKey.name })?.text else {
            throw MalformedInput(line: event.line, reason: "The event has no '\(ProcessLogKey.name)'.")
        }
        let time = event.attributes.first { $0.key == ProcessLogKey.time }?.text
        var data = event.attributes.filter { $0.key != ProcessLogKey.name && $0.key != ProcessLogKey.time }
        if !trace.hasEvents {
            var traceAttribute = XESAttribute(caseAttributes: trace.attributes)
            traceAttribute.text = caseName
            data.insert(traceAttribute, at: 0)
        }
        let result = try ImportedEvent(
            line: event.line, category: category, caseName: caseName, activity: activity, time: time,
            data: XESAttribute.object(data).object)
        self.trace?.hasEvents = true
        return result
    }
}

extension XESAttribute {
    /// What the first event says about its whole case.
    fileprivate init(caseAttributes: [XESAttribute]) {
        key = "case"
        text = ""
        json = XESAttribute.object(caseAttributes).object
    }
}
