import DaybookCore

/// Folds decoded events into the documents of some of a projection's keys; a pure function of events and documents.
struct ProjectionFold<P: Projection>: Sendable {
    /// A recorded event as the projection sees it.
    struct Input: Sendable {
        enum Content: Sendable {
            /// What it is today, each part with the documents that it changes.
            case events([(event: P.Event, keys: [String])])
            /// It cannot be read, or its keys cannot be told; the keys that stop before it, nil when unknown.
            case failure(ProjectionError, keys: [String]?)
        }

        var recorded: RecordedEvent
        var content: Content

        /// The documents that the event changes, or stops.
        var keys: [String] {
            switch content {
            case .events(let parts): parts.flatMap(\.keys)
            case .failure(_, let keys): keys ?? []
            }
        }
    }

    /// What came of a fold.
    struct Outcome: Sendable {
        /// New contents, of documents whose bytes are others than before; nil deletes.
        var changes: [String: [UInt8]?] = [:]
        /// Keys that stopped, each before an event.
        var parked: [ParkedKey] = []
        /// What stopped the fold, before the input of an index.
        var failure: (error: ProjectionError, index: Int)?
    }

    let projection: P
    /// Whether an event that fails stops its keys alone.
    let parks: Bool

    static func decode(
        _ events: ArraySlice<RecordedEvent>, by reader: any EventReader<P.Event>, for projection: P
    ) -> [Input] {
        events.map { recorded in
            do throws(ProjectionError) {
                return Input(recorded: recorded, content: .events(try parts(of: recorded, reader, projection)))
            } catch {
                return Input(
                    recorded: recorded,
                    content: .failure(error, keys: projection.keys(forUnreadable: recorded)))
            }
        }
    }

    private static func parts(
        of recorded: RecordedEvent, _ reader: any EventReader<P.Event>, _ projection: P
    ) throws(ProjectionError) -> [(event: P.Event, keys: [String])] {
        let events: [P.Event]
        do { events = try reader.decode(recorded) } catch { throw .undecodable(error) }
        do {
            return try events.map { ($0, try projection.keys(for: $0, recorded: recorded)) }
        } catch {
            throw .failed(at: ProjectionError.Place(recorded), reason: String(describing: error))
        }
    }

    /// - Parameters:
    ///   - isOurs: Which keys are folded here.
    ///   - stored: The documents that exist of those.
    ///   - held: Keys that were parked before.
    func run(
        _ inputs: ArraySlice<Input>, stored: [String: [UInt8]], held: ParkedKeys, _ isOurs: (String) -> Bool
    ) throws(ProjectionError) -> Outcome {
        var outcome = Outcome()
        var documents = try decode(stored, isOurs)
        var changed: Set<String> = []
        var stopped: Set<String> = []
        func isParked(_ key: String) -> Bool { held.contains(key) || !stopped.isEmpty && stopped.contains(key) }
        func park(_ key: String, _ recorded: RecordedEvent, _ reason: String) {
            if stopped.insert(key).inserted {
                outcome.parked.append(ParkedKey(key: key, position: recorded.position, reason: reason))
            }
        }
        inputs: for (index, input) in zip(inputs.indices, inputs) {
            let recorded = input.recorded
            let parts: [(event: P.Event, keys: [String])]
            switch input.content {
            case .events(let events): parts = events
            case .failure(let error, let keys):
                guard parks, let keys else {
                    outcome.failure = (error, index)
                    break inputs
                }
                for key in keys where isOurs(key) && !isParked(key) { park(key, recorded, error.description) }
                continue
            }
            // Set aside first, so that an event that fails half way changes nothing.
            var new: [String: P.Document?] = [:]
            for (event, keys) in parts {
                for key in keys where isOurs(key) && !isParked(key) {
                    var document = new[key] ?? documents[key]
                    do {
                        try projection.apply(event, recorded: recorded, key: key, to: &document)
                        new[key] = .some(document)
                    } catch {
                        guard parks else {
                            outcome.failure = (
                                .failed(at: ProjectionError.Place(recorded), reason: String(describing: error)), index
                            )
                            break inputs
                        }
                        new[key] = nil
                        park(key, recorded, String(describing: error))
                    }
                }
            }
            for (key, document) in new {
                documents[key] = document
                changed.insert(key)
            }
        }
        outcome.changes = try encode(documents, changed: changed, stored: stored)
        return outcome
    }

    private func decode(
        _ stored: [String: [UInt8]], _ isOurs: (String) -> Bool
    ) throws(ProjectionError) -> [String: P.Document] {
        let decoder = JSONBytesDecoder()
        var documents: [String: P.Document] = [:]
        for (key, data) in stored where isOurs(key) {
            do {
                documents[key] = try decoder.decode(P.Document.self, from: data)
            } catch {
                throw .unreadableDocument(key: key, model: projection.name, reason: CodingReason.text(of: error))
            }
        }
        return documents
    }

    /// The documents whose bytes are others than before.
    private func encode(
        _ documents: [String: P.Document], changed: Set<String>, stored: [String: [UInt8]]
    ) throws(ProjectionError) -> [String: [UInt8]?] {
        let encoder = JSONBytesEncoder()
        var changes: [String: [UInt8]?] = [:]
        for key in changed {
            guard let document = documents[key] else {
                if stored[key] != nil { changes.updateValue(nil, forKey: key) }
                continue
            }
            do {
                let data = try encoder.encode(document)
                if data != stored[key] { changes[key] = data }
            } catch {
                throw .unwritableDocument(key: key, model: projection.name, reason: CodingReason.text(of: error))
            }
        }
        return changes
    }
}
