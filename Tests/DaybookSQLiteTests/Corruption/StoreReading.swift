import DaybookCore
import DaybookSQLite
import Foundation

/// Everything that a store gives to read, each answer beside the question; an answer may be an error.
struct StoreReading: Sendable {
    enum Answer: Sendable, Equatable {
        case text(String)
        case events([RecordedEvent], String)
        case error(String)
    }

    /// A question that is answered otherwise than in another reading, and with a value.
    struct Difference: CustomStringConvertible {
        let question: String
        let expected: Answer?
        let found: Answer?
        var description: String { "\(question): \(text(found)), not \(text(expected))" }

        /// Whether it is about a stream that lacks events at some positions, or whose settings were recorded at one of them.
        func isExplained(by damaged: Set<Position>, _ truth: StoreReading) -> Bool {
            guard question.hasPrefix("stream "), case .events(let expected, _)? = expected,
                case .events(let found, _)? = found
            else { return false }
            let control = "$$" + question.dropFirst("stream ".count)
            if truth.events.values.contains(where: { $0.stream.rawValue == control && damaged.contains($0.position) }) {
                return true
            }
            let missing = Set(expected.map(\.position)).subtracting(found.map(\.position))
            return !missing.isEmpty && missing.isSubset(of: damaged) && found.allSatisfy(expected.contains)
        }

        private func text(_ answer: Answer?) -> String {
            switch answer {
            case nil: "nothing"
            case .text(let text): text
            case .events(let events, let rest): "events at \(events.map(\.position)) \(rest)"
            case .error(let text): text
            }
        }
    }

    var head = Position.start
    /// The events of the log by position, and those positions that cannot be read.
    var events: [Position: RecordedEvent] = [:]
    var damagedPositions: Set<Position> = []
    var answers: [String: Answer] = [:]
    /// Errors that do not tell file, or position, as they should.
    var vagueErrors: [String] = []

    var errors: Int { damagedPositions.count + answers.values.count { if case .error = $0 { true } else { false } } }

    init() {}

    init(of store: SQLiteEventStore, asking questions: CorruptionSample.Questions) async throws {
        head = try await store.head()
        try await readLog(store)
        await ask("streams", store) { .text("\(try await store.streams(after: nil, limit: 1000))") }
        for stream in questions.streams {
            await ask("stream \(stream)", store) {
                let page = try await store.readPage(of: stream, from: .start, direction: .forward, limit: 1000)
                return .events(page.events, "\(page.state)")
            }
        }
        for tag in questions.tags {
            await ask("tag \(tag)", store) {
                let filter = EventFilter(tags: [tag])
                return .events(
                    try await store.readPage(from: .start, direction: .forward, filter: filter, limit: 1000).events, "")
            }
        }
        for category in questions.categories {
            await ask("category \(category)", store) {
                let filter = EventFilter(categories: [category])
                return .events(
                    try await store.readPage(from: .end, direction: .backward, filter: filter, limit: 1000).events, "")
            }
        }
        for command in questions.commands {
            await ask("receipt \(command)", store) {
                .text("\(String(describing: try await store.receipt(for: command)))")
            }
        }
        await ask("checkpoint", store, isDerived: true) {
            .text("\(String(describing: try await store.checkpoint(for: "reader")))")
        }
        await ask("snapshot", store, isDerived: true) {
            .text("\(String(describing: try await store.snapshot(for: "account-1")))")
        }
        await ask("document", store, isDerived: true) {
            .text("\(String(describing: try await store.document("7", of: "balances")))")
        }
        await ask("read model", store, isDerived: true) { .text("\(try await store.checkpoint(of: "balances"))") }
    }

    private mutating func readLog(_ store: SQLiteEventStore) async throws {
        if let page = try? await store.readPage(
            from: .start, direction: .forward, filter: .everything, limit: 1000), page.isAtEnd
        {
            for event in page.events { events[event.position] = event }
            return
        }
        // Damage may have made up positions far away: no more than these are asked for, one by one.
        for number in stride(from: Int64(1), through: min(head.rawValue, 400), by: 1) {
            let position = Position(number)
            do {
                let page = try await store.readPage(
                    from: .position(position), direction: .forward, filter: .everything, limit: 1)
                for event in page.events { events[event.position] = event }
            } catch {
                damagedPositions.insert(position)
                if case .corrupted(let at, _, let file, _) = error, at == position, file == store.path { continue }
                vagueErrors.append("position \(position): \(error)")
            }
        }
    }

    private mutating func ask(
        _ question: String, _ store: SQLiteEventStore, isDerived: Bool = false,
        _ body: () async throws -> Answer
    ) async {
        let question = isDerived ? "derived \(question)" : question
        do { answers[question] = try await body() } catch {
            answers[question] = .error("\(error)")
            if !"\(error)".contains(store.path) { vagueErrors.append("\(question): \(error)") }
        }
    }

    /// What this reading has otherwise than the truth, without an error that tells.
    func differences(from truth: StoreReading, derived: Bool) -> [Difference] {
        var differences: [Difference] = []
        if !derived {
            // A log that seems longer holds positions that cannot be read.
            if head < truth.head || (head > truth.head && damagedPositions.isEmpty) {
                differences.append(
                    Difference(question: "head", expected: .text("\(truth.head)"), found: .text("\(head)")))
            }
            for position in Set(events.keys).union(truth.events.keys).sorted()
            where events[position] != truth.events[position] && !damagedPositions.contains(position) {
                differences.append(
                    Difference(
                        question: "position \(position)", expected: truth.events[position].map { .events([$0], "") },
                        found: events[position].map { .events([$0], "") }))
            }
        }
        for (question, answer) in answers.sorted(by: { $0.key < $1.key })
        where question.hasPrefix("derived ") == derived {
            if case .error = answer { continue }
            if answer != truth.answers[question] {
                differences.append(Difference(question: question, expected: truth.answers[question], found: answer))
            }
        }
        return differences
    }
}
