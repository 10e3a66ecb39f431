import Daybook
import DaybookCore
import Testing

/// A test of a projection in its own words: given what happened, then these are the documents.
///
/// ```swift
/// ProjectionScenario(Balances())
///     .given(.deposited(amount: 10), .withdrawn(amount: 4), in: "account-42")
///     .then("account-42", Balance(amount: 6))
///     .given(.closed, in: "account-42")
///     .thenNone("account-42")
/// ```
///
/// What does not come out as stated is recorded as an issue of the running test, at the line that states it. The events
/// are written, get the place that a store would give them, and are read again. Along the way a scenario checks what
/// holds for every projection: that it takes an event into account the same way each time, that its documents survive
/// being written and read, that its filter passes the events that have keys, and that the filter of a key passes all
/// events of the key.
public struct ProjectionScenario<P: Projection>: Sendable {
    private let projection: P
    private let reader: any EventReader<P.Event>
    private var log = ScenarioLog()
    private var history: [String] = []
    /// The documents so far, by key.
    public private(set) var documents: [String: P.Document] = [:]

    /// - Parameter reader: Reads the events, once they are written.
    public init(_ projection: P, reader: any EventReader<P.Event> = P.Event.makeReader()) {
        self.projection = projection
        self.reader = reader
    }

    // MARK: Given

    /// What has happened in a stream; called again, what has happened after that, there or in another one.
    ///
    /// - Parameter tags: Beside the events' own.
    public func given(
        _ events: P.Event..., in stream: StreamName, metadata: EventMetadata = EventMetadata(),
        tags: [DaybookCore.Tag] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProjectionScenario {
        var scenario = self
        for event in events {
            do {
                let new = try ScenarioLog.encoded(event, metadata: metadata, tags: tags)
                try scenario.take(new, of: event, in: stream, sourceLocation)
            } catch {
                scenario.record(
                    "\(P.self) could not take \(event) in '\(stream)' into account. \(error)", sourceLocation)
            }
        }
        return scenario
    }

    /// What was recorded in a stream as these bytes, such as events of an older schema.
    public func given(
        _ events: NewEvent..., in stream: StreamName, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProjectionScenario {
        var scenario = self
        for event in events {
            do {
                try scenario.take(event, of: nil, in: stream, sourceLocation)
            } catch {
                scenario.record(
                    "\(P.self) could not take '\(event.type)' in '\(stream)' into account. \(error)", sourceLocation)
            }
        }
        return scenario
    }

    /// What follows is recorded at this time.
    public func at(_ time: Timestamp) -> ProjectionScenario {
        var scenario = self
        scenario.log.now = time
        return scenario
    }

    /// What follows is recorded so much later.
    public func after(_ duration: Duration) -> ProjectionScenario { at(log.now.advanced(by: duration)) }

    // MARK: Then

    /// The document of a key is this one.
    @discardableResult
    public func then(
        _ key: String, _ expected: P.Document, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProjectionScenario where P.Document: Equatable {
        if documents[key] == expected { return self }
        return record(
            "Document '\(key)'", expected: [key: expected], actual: documents.filter { $0.key == key }, sourceLocation)
    }

    /// There is no document of this key: there never was, or it was deleted.
    @discardableResult
    public func thenNone(
        _ key: String, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProjectionScenario {
        if documents[key] == nil { return self }
        return record("Document '\(key)'", expected: [:], actual: documents.filter { $0.key == key }, sourceLocation)
    }

    /// These are all documents, by key.
    @discardableResult
    public func thenDocuments(
        _ expected: [String: P.Document], sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProjectionScenario where P.Document: Equatable {
        if documents == expected { return self }
        return record("The read model", expected: expected, actual: documents, sourceLocation)
    }

    /// An event that happens next is refused: the projection throws, and would stop before it. The scenario goes on
    /// without the event.
    ///
    /// - Parameter reason: What is in the text of the error; nil for any error.
    @discardableResult
    public func thenRefuses(
        _ event: P.Event, in stream: StreamName, metadata: EventMetadata = EventMetadata(),
        tags: [DaybookCore.Tag] = [],
        reason: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ProjectionScenario {
        var attempt = self
        do {
            let new = try ScenarioLog.encoded(event, metadata: metadata, tags: tags)
            try attempt.take(new, of: event, in: stream, sourceLocation)
            record(
                "\(P.self) took \(event) in '\(stream)' into account, and was expected to refuse it.", sourceLocation)
        } catch let refusal as ScenarioRefusal {
            if let reason, !refusal.reason.contains(reason) {
                record(
                    "\(P.self) refused \(event) in '\(stream)' for another reason.\n"
                        + ScenarioText.comparison(expected: reason, actual: refusal.reason), sourceLocation)
            }
        } catch {
            record("The projection \(P.self) was not given \(event) in '\(stream)'. \(error)", sourceLocation)
        }
        return self
    }

    // MARK: Folding

    /// Folds an event into the documents, all of its changes or none.
    ///
    /// - Parameter original: What the bytes were written from.
    private mutating func take(
        _ new: NewEvent, of original: P.Event?, in stream: StreamName, _ sourceLocation: SourceLocation
    ) throws {
        let recorded = log.record(new, in: stream)
        var changes: [String: P.Document?] = [:]
        let events = try reader.decode(recorded)
        if let original, let loss = ScenarioText.loss(of: original, readAs: events) { record(loss, sourceLocation) }
        for event in events {
            let keys = try ScenarioRefusal.catching { try projection.keys(for: event, recorded: recorded) }
            check(keys, of: event, recorded, sourceLocation)
            for key in keys {
                let old = changes[key] ?? documents[key]
                changes[key] = .some(try document(key, old, after: event, recorded, sourceLocation))
            }
        }
        history.append("\(stream): \(original.map { "\($0)" } ?? new.type.rawValue)")
        // A store passes over what the filter does not let through.
        guard projection.filter.matches(recorded) else { return }
        for (key, document) in changes { documents[key] = document }
    }

    /// A document after an event, as it will be read the next time.
    private func document(
        _ key: String, _ old: P.Document?, after event: P.Event, _ recorded: RecordedEvent,
        _ sourceLocation: SourceLocation
    ) throws -> P.Document? {
        var (document, again) = (old, old)
        try ScenarioRefusal.catching {
            try projection.apply(event, recorded: recorded, key: key, to: &document)
            try projection.apply(event, recorded: recorded, key: key, to: &again)
        }
        switch (document, again) {
        case (nil, nil): return nil
        case (let document?, let again?) where ScenarioValue.isEqual(document, again): break
        default:
            record(
                "\(P.self).apply is not deterministic: \(event) gave document '\(key)' two contents; let it depend on "
                    + "the events alone.\n"
                    + ScenarioText.comparison(
                        expected: ScenarioText.document(document), actual: ScenarioText.document(again)),
                sourceLocation)
        }
        guard let document else { return nil }
        do {
            let reread = try ScenarioValue.reread(document)
            if !reread.isSame {
                record(
                    "Document '\(key)' of \(P.self) does not survive being written and read after \(event).\n"
                        + ScenarioText.comparison(
                            expected: ScenarioText.dump(document), actual: ScenarioText.dump(reread.value)),
                    sourceLocation)
            }
            return reread.value
        } catch {
            record(
                "Document '\(key)' of \(P.self) does not survive being written and read after \(event). \(error)",
                sourceLocation)
            return document
        }
    }

    /// Checks where an event goes, and whether it will be found there.
    private func check(
        _ keys: [String], of event: P.Event, _ recorded: RecordedEvent, _ sourceLocation: SourceLocation
    ) {
        if let again = try? projection.keys(for: event, recorded: recorded), again != keys {
            record(
                "\(P.self).keys is not deterministic: \(event) gave the keys \(keys), and then \(again); let them depend "
                    + "on the event alone.", sourceLocation)
        }
        guard !keys.isEmpty else { return }
        guard projection.filter.matches(recorded) else {
            record(
                "The filter of \(P.self) does not pass \(event) in '\(recorded.stream)', which has the keys \(keys): no "
                    + "document will take it into account. Widen the filter, or give the event no keys.", sourceLocation
            )
            return
        }
        for key in keys where !projection.filter(for: key).matches(recorded) {
            record(
                "The filter of \(P.self) for key '\(key)' does not pass \(event) in '\(recorded.stream)', which has that "
                    + "key: the past of the document would be told without it. Widen filter(for:).", sourceLocation)
        }
    }

    // MARK: Issues

    @discardableResult
    private func record(
        _ what: String, expected: [String: P.Document], actual: [String: P.Document], _ sourceLocation: SourceLocation
    ) -> ProjectionScenario {
        record(
            "\(what) of \(P.self) is not as stated.\n  given:\n"
                + ScenarioText.indented(ScenarioText.list(history)) + "\n"
                + ScenarioText.comparison(
                    expected: ScenarioText.documents(expected), actual: ScenarioText.documents(actual)),
            sourceLocation)
        return self
    }

    private func record(_ text: String, _ sourceLocation: SourceLocation) {
        Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
    }
}

extension ScenarioText {
    static func document(_ document: (some Any)?) -> String { document.map { dump($0) } ?? "no document" }

    static func documents(_ documents: [String: some Any]) -> String {
        guard !documents.isEmpty else { return "no document" }
        return documents.sorted { $0.key < $1.key }.map { "'\($0.key)': \(dump($0.value))" }.joined(separator: "\n")
    }
}
