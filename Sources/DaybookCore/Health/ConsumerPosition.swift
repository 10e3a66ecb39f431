/// How far a consumer has come, read out of what it has saved.
package struct ConsumerPosition: Sendable, Equatable {
    private let name: String
    private let kind: ConsumerHealth.Kind
    package private(set) var position: Position
    package private(set) var parked: Int?
    /// Why the position cannot be told.
    private var unreadable: String?

    private init(_ name: String, _ kind: ConsumerHealth.Kind, _ position: Position, parked: Int? = nil) {
        self.name = name
        self.kind = kind
        self.position = position
        self.parked = parked
    }

    package init(checkpoint name: String, at position: Position) { self.init(name, .checkpoint, position) }

    /// - Parameter parkedKeys: The document ``ReservedDocument/parkedKeys``, if there is one.
    package init(readModel name: String, at position: Position, parkedKeys: [UInt8]?) {
        let parked = parkedKeys.map { (try? JSONText(parsing: $0[...]))?.elements?.count ?? 1 }
        self.init(name, .readModel, position, parked: parked ?? 0)
    }
}

extension ConsumerPosition {
    /// The document of a consumer group's read model that says how far it has come.
    package static let groupDocument = "group"
    /// With what those begin that hold an event at which a key has stopped, and the ones behind it.
    package static let heldPrefix = "held/"

    /// - Parameters:
    ///   - document: ``groupDocument``, if there is one.
    ///   - held: The events of those that ``heldEvents(in:)`` counts.
    package init(group name: String, document: [UInt8]?, held: Int) {
        self.init(name, .consumerGroup, .start, parked: held)
        guard let document else { return }
        let members = (try? JSONText(parsing: document[...]))?.members ?? []
        let window = members.first { $0.key == "window" }?.value.elements
        let first = window?.first?.members?.first { $0.key == "position" }?.value.integer
        if let scanned = members.first(where: { $0.key == "scanned" })?.value.integer, let window,
            window.isEmpty || first != nil
        {
            // The lowest position that is neither settled nor held, minus one.
            position = Position(first.map { $0 &- 1 } ?? scanned)
        } else {
            unreadable = "Its document 'group' is not what this version reads."
        }
    }

    /// How many events a document of a consumer group holds whose key begins with ``heldPrefix``.
    package static func heldEvents(in document: [UInt8]) -> Int {
        let members = (try? JSONText(parsing: document[...]))?.members ?? []
        return members.first { $0.key == "events" }?.value.elements?.count ?? 1
    }
}

extension ConsumerPosition {
    /// Where a process manager records how far it has come. Only the last event counts.
    package static func progressStream(of category: Category) -> StreamName {
        StreamName(unchecked: "\(progressPrefix)\(category)")
    }

    /// With what the names of those streams begin.
    package static let progressPrefix = "process_progress-"

    /// - Parameters:
    ///   - data: That of the last event of ``progressStream(of:)``.
    ///   - event: Where that event stands.
    package init(process category: Category, progress data: ArraySlice<UInt8>, at event: Position) {
        self.init(category.rawValue, .processManager, .start)
        let members = (try? JSONText(parsing: data))?.members
        if let through = members?.first(where: { $0.key == "through" })?.value.integer {
            position = Position(through)
        } else {
            unreadable = "The event at position \(event) is not what this version reads."
        }
    }
}

extension ConsumerPosition {
    /// What a policy says of it.
    ///
    /// - Parameter recordedAt: When the first event behind its position was recorded; nil when there is none, or none that can be
    ///   read.
    package func health(
        _ policy: HealthPolicy, head: Position, nextRecordedAt recordedAt: Timestamp?, at now: Timestamp
    ) -> ConsumerHealth {
        let (difference, isBeyondCount) = head.rawValue.subtractingReportingOverflow(position.rawValue)
        let behind = isBeyondCount ? Int64.max : difference
        let seconds = recordedAt.map { max(0, (Double(now.microseconds) - Double($0.microseconds)) / 1e6) }
        var problems: [String] = []
        if !policy.ignoredConsumers.contains(name) {
            if let unreadable { problems.append(unreadable) }
            if position > head {
                problems.append(
                    "It has seen position \(position), beyond the log's end at \(head): the log was cut off or "
                        + "replaced; build it anew.")
            }
            if behind > policy.maxEventsBehind {
                problems.append("It is \(behind) positions behind, more than \(policy.maxEventsBehind).")
            }
            if let limit = policy.maxTimeBehind, let seconds, .seconds(seconds) > limit {
                problems.append("The next event was recorded \(Int64(seconds)) s ago, more than \(limit).")
            }
            if let parked, parked > policy.maxParked {
                problems.append("\(parked) are parked, more than \(policy.maxParked).")
            }
        }
        return ConsumerHealth(
            name: name, kind: kind, position: position, eventsBehind: behind, secondsBehind: seconds, parked: parked,
            problems: problems)
    }
}
