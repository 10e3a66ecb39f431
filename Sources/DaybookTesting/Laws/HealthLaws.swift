import Daybook
import DaybookCore

/// What is paid into an account.
private enum Deposit: DomainEvent, Equatable {
    case made(amount: Int)

    static let typePrefix = "deposit"
}

/// What came into each account; a deposit of 13 parks its key.
private struct Takings: Projection {
    struct Unwanted: Error {}

    let name: ReadModelName = "takings"

    func keys(for event: Deposit, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }

    func apply(_ event: Deposit, recorded: RecordedEvent, key: String, to document: inout Int?) throws {
        switch event {
        case .made(13): throw Unwanted()
        case .made(let amount): document = (document ?? 0) + amount
        }
    }
}

/// Sends thanks for each deposit.
private enum Thanks: ProcessManager {
    enum Event: DomainEvent, Equatable {
        case noted

        static let typePrefix = "thanks"
    }

    static let category: DaybookCore.Category = "thanks"
    static let initialState = 0

    static func processIDs(for input: Deposit, recorded: RecordedEvent) -> [String] { ["all"] }

    static func react(to input: Deposit, in state: Int) -> [ProcessAction<Event, String>] {
        [.record(.noted), .send("thanks")]
    }

    static func react(
        toRejectionOf command: String, reason: String, in state: Int
    ) -> [ProcessAction<Event, String>] { [] }

    static func evolve(_ state: inout Int, with event: Event) { state += 1 }
}

extension HealthLaw {
    static let consumers: [HealthLaw] = [
        HealthLaw("A store in which nothing is saved has no consumers, and is well") { store in
            let empty = try await store.health()
            try requireEqual(empty.head, .start, "The head of an empty store")
            try await deposit([1], to: "account-1", in: store)
            let health = try await store.health()
            try requireEqual(health.head, try await store.head(), "The head")
            try require(health.consumers.isEmpty && health.isHealthy, "Something is told of nobody: \(health)")
        },
        HealthLaw("Each consumer is told with its position, what is behind it, and what it has parked") { store in
            let first = try await deposit([1, 2], to: "account-1", in: store)
            let second = try await deposit([13, 4, 5], to: "account-2", in: store)
            try await store.save(Checkpoint(after: first[1]), for: "reader")
            let runner = ProjectionRunner(Takings(), of: store, in: store, failurePolicy: .parkKeys(limit: 10))
            _ = try await runner.catchUp()
            let policy = ConsumerPolicy(pollInterval: .milliseconds(1))
            let group = ConsumerGroup("mailer", of: store, Deposit.self, in: store, policy: policy)
            try await group.catchUp { delivery in
                if delivery.recorded.stream == "account-2" { throw ParkEvent("nobody's") }
            }
            let head = try await deposit([6], to: "account-1", in: store)[0]
            let behind = head.rawValue - first[1].rawValue

            let health = try await store.health(HealthPolicy(maxEventsBehind: behind - 1))
            try requireEqual(health.head, head, "The head")
            try requireEqual(health.consumers.map(\.name), ["reader", "mailer", "takings"], "The consumers")
            try requireEqual(
                health.consumers.map(\.kind), [.checkpoint, .consumerGroup, .readModel], "What they are")
            let (reader, mailer, takings) = (health.consumers[0], health.consumers[1], health.consumers[2])
            try requireEqual(reader.position, first[1], "The position of a checkpoint")
            try requireEqual(reader.eventsBehind, behind, "What is behind a checkpoint")
            try requireEqual(reader.parked, nil, "What a checkpoint has parked")
            try requireEqual(reader.problems.count, 1, "The problems of a checkpoint that is behind")
            try require((reader.secondsBehind ?? -1) >= 0, "The time of what is behind is not told: \(reader)")
            try requireEqual(takings.position, second[2], "The position of a read model")
            try requireEqual(takings.eventsBehind, head.rawValue - second[2].rawValue, "What is behind a read model")
            try requireEqual(takings.parked, 1, "The parked keys of a read model")
            try requireEqual(takings.parked, try await runner.parkedKeys().count, "The parked keys of its projection")
            try requireEqual(takings.problems.count, 1, "The problems of a read model with a parked key")
            let status = try await group.status()
            try requireEqual(mailer.position, status.checkpoint, "The position of a consumer group")
            try requireEqual(mailer.parked, 3, "The parked event of a consumer group, and those behind it")
            try requireEqual(mailer.parked, status.held, "What the group holds")
            try require(!health.isHealthy && health.problems.isEmpty, "It is not the store that is behind: \(health)")

            let patient = try await store.health(HealthPolicy(maxParked: 3))
            try require(patient.isHealthy, "What is within the bounds is a problem: \(patient)")
            let ignoring = try await store.health(
                HealthPolicy(maxEventsBehind: behind - 1, ignoredConsumers: ["reader", "takings", "mailer"]))
            try require(ignoring.isHealthy, "What is ignored is a problem: \(ignoring)")
            try requireEqual(ignoring.consumers.count, 3, "The consumers, though ignored")
            let late = try await store.health(HealthPolicy(maxTimeBehind: .seconds(-1), maxParked: 3))
            try requireEqual(
                late.consumers.map { !$0.problems.isEmpty }, late.consumers.map { $0.eventsBehind > 0 },
                "Whether each is too late")
        },
        HealthLaw("A reader whose checkpoint was deleted is no consumer any more") { store in
            try await deposit([1], to: "account-1", in: store)
            for name in ["reader", "other"] as [CheckpointName] {
                try await store.save(Checkpoint(after: .start), for: name)
            }
            try await store.deleteCheckpoint(for: "reader")
            try requireEqual(try await store.health().consumers.map(\.name), ["other"], "The consumers")
        },
        HealthLaw("A process manager is told by what it has recorded, and the group beside it that sends") { store in
            let inputs = try await deposit([1, 2], to: "account-1", in: store)
            let runner = ProcessRunner(
                Thanks.self, of: store, in: store, policy: ConsumerPolicy(pollInterval: .milliseconds(1))
            ) { _, _ in }
            try await runner.react()
            try await runner.commands.catchUp { _ in }
            let page = try await store.readPage(
                of: "process_progress-thanks", from: .end, direction: .backward, limit: 1)
            guard let progress = page.events.first else { throw LawViolation("A process manager recorded nothing") }
            var through: Position = .start
            for case .advanced(let position) in try JSONEventCodec<ProcessProgress>().decode(progress) {
                through = Position(position)
            }
            try require(through >= inputs[1], "A process manager has come to \(through), before its inputs")
            let health = try await store.health()
            try requireEqual(health.consumers.map(\.name), ["process-thanks", "thanks"], "The consumers")
            try requireEqual(health.consumers.map(\.kind), [.consumerGroup, .processManager], "What they are")
            try requireEqual(health.consumers[1].position, through, "The position of a process manager")
            try requireEqual(
                health.consumers[1].eventsBehind, health.head.rawValue - through.rawValue,
                "What is behind a process manager")
            try requireEqual(
                health.consumers[0].position, try await runner.commands.status().checkpoint,
                "The position of the group that sends its commands")
        },
        HealthLaw("A consumer beyond the log's end is told, and no read model is judged that follows no log") { store in
            let head = try await deposit([1], to: "account-1", in: store)[0]
            let page = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 1)
            // Each changes the inbox's read model, whose checkpoint is then beyond the log.
            for number in 0..<40 {
                let inbox = Inbox(InboxHandlerName(unchecked: "handler-\(number)"), model: "handled", in: store)
                for event in page.events { try await inbox.once(event) { _ in } }
            }
            try await LeaderElection("one", in: store, pollInterval: .milliseconds(1)).run {}
            for name in ["$alias/x", "$receiver-x", "$snapshots/x", "$process-timers-x"] {
                try await store.commit(
                    DocumentBatch(
                        model: ReadModelName(unchecked: name), changes: ["x": [1]], previous: .start,
                        checkpoint: Position(head.rawValue + 40)))
            }
            try await store.save(Checkpoint(after: Position(head.rawValue + 40)), for: "ahead")
            let health = try await store.health()
            try requireEqual(health.consumers.map(\.name), ["ahead"], "The consumers")
            try requireEqual(health.consumers[0].eventsBehind, -40, "What is behind a consumer beyond the end")
            try require(
                health.consumers[0].problems.first?.contains("beyond the log's end at \(head)") == true,
                "A consumer beyond the end is no problem: \(health)")
            try require(!health.isHealthy, "It is well: \(health)")
        },
    ]

    static let names: [HealthLaw] = [
        HealthLaw("Consumers are told by the names that they were given, in the order of their bytes") { store in
            let head = try await deposit([1], to: "account-1", in: store)[0]
            let texts = ["\u{E9}", "e\u{301}", "日本 =2F", "a.b *>", "=41", "A", String(repeating: "x", count: 512)]
            let names = texts.map { CheckpointName(unchecked: $0) }.sorted()
            for name in names {
                try await store.save(Checkpoint(after: head), for: name)
                try await store.commit(
                    DocumentBatch(
                        model: ReadModelName(unchecked: name.rawValue), changes: ["x": [1]], previous: .start,
                        checkpoint: head))
            }
            let health = try await store.health()
            let found = health.consumers.map { CheckpointName(unchecked: $0.name) }
            try requireEqual(found, names + names, "The names of checkpoints and read models")
            try require(health.isHealthy, "It is not well: \(health)")
        },
        HealthLaw("A read model that was deleted is not told, and one that was begun anew is where it is") { store in
            let head = try await deposit([1, 2], to: "account-1", in: store)
            func commit(_ model: ReadModelName, _ checkpoint: Position) async throws {
                try await store.commit(
                    DocumentBatch(model: model, changes: ["x": [1]], previous: .start, checkpoint: checkpoint))
            }
            for model: ReadModelName in ["gone", "anew"] {
                try await commit(model, head[1])
                try await store.deleteReadModel(model)
            }
            try await commit("anew", head[0])
            let health = try await store.health()
            try requireEqual(health.consumers.map(\.name), ["anew"], "The consumers")
            try requireEqual(health.consumers[0].position, head[0], "The position of one that was begun anew")
        },
    ]
}

/// - Returns: The position of each.
@discardableResult
private func deposit(_ amounts: [Int], to stream: StreamName, in store: any EventStore) async throws -> [Position] {
    let codec = JSONEventCodec<Deposit>()
    var positions: [Position] = []
    for amount in amounts {
        let event = NewEvent(try codec.encode(.made(amount: amount)))
        positions.append(try await store.append([event], to: stream).position)
    }
    return positions
}
