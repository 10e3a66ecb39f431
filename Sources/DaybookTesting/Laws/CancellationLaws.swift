import DaybookCore

extension EventStoreLaw {
    static let cancellation: [EventStoreLaw] = [
        EventStoreLaw("A cancelled wait for the head ends, and disturbs no other") { store in
            let head = try await store.append(facts(1), to: "account-1").position
            let patient = Task { try await store.head(beyond: head) }
            for _ in 0..<20 {
                let waiting = Task { try await store.head(beyond: head) }
                await Task.yield()
                waiting.cancel()
                try await requireCancelled("A wait for the head") { _ = try await waiting.value }
            }
            let result = try await store.append(facts(1), to: "account-1")
            try requireEqual(
                try await patient.value, result.position, "The head told to a waiter that was not cancelled")
        },
        EventStoreLaw("A cancelled subscription ends, live or not, and disturbs no other") { store in
            try await store.append(facts(20), to: "account-1")
            let (started, signal) = AsyncStream.makeStream(of: Void.self)
            let patient = Task { try await store.items(of: store.subscribe(), untilEnd: "end-1") }
            let live = Task {
                for try await item in store.subscribe() {
                    if case .caughtUp = item { signal.yield() }
                }
            }
            for await _ in started { break }
            live.cancel()
            try await requireCancelled("A live subscription") { try await live.value }
            let begun = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                for try await _ in store.subscribe(pageSize: 1) {}
            }
            try await requireCancelled("A subscription in a cancelled task") { try await begun.value }
            try await store.append(facts(1), to: "end-1")
            try requireEqual(
                try await patient.value.events.count, 21, "The events given to a subscription that was not cancelled")
        },
        EventStoreLaw("A cancelled append is there as a whole or not at all, and its error tells the truth") { store in
            var random = SplitMix64(seed: 7)
            var attempts: [(stream: StreamName, task: Task<AppendResult, any Error>)] = []
            for number in 0..<120 {
                let stream = "account-\(number)".asStream
                var request = AppendRequest(commandID: CommandID(unchecked: "command-\(number)"))
                request.append(facts(3), to: stream)
                request.append(facts(1), to: "shared-\(number % 3)".asStream)
                let fixed = request
                let task = Task { try await store.append(fixed) }
                attempts.append((stream, task))
                for _ in 0..<Int.random(in: 0...3, using: &random) { await Task.yield() }
                if !random.oneIn(3) { attempts[Int.random(in: 0...number, using: &random)].task.cancel() }
            }
            var outcomes: [(StreamName, Result<AppendResult, any Error>)] = []
            for (stream, task) in attempts { outcomes.append((stream, await task.result)) }
            // What was on its way has come to rest once a later append is acknowledged.
            try await store.append(facts(1), to: "last-1")
            let log = try await store.wholeLog()
            try requireOrder(log)
            for (number, (stream, outcome)) in outcomes.enumerated() {
                let count = log.count { $0.stream == stream }
                let receipt = try await store.receipt(for: CommandID(unchecked: "command-\(number)"))
                switch outcome {
                case .success(let result):
                    try requireEqual(count, 3, "The events of the acknowledged append to '\(stream)'")
                    try requireEqual(receipt, result, "The receipt of the acknowledged append to '\(stream)'")
                case .failure(AppendError.cancelled(let mayBeWritten)):
                    try require(
                        count == 0 || (count == 3 && mayBeWritten),
                        "\(count) of 3 events are there after a cancelled append with mayBeWritten \(mayBeWritten)")
                    try requireEqual(
                        receipt != nil, count == 3, "Whether there is a receipt of the append to '\(stream)'")
                case .failure(let error):
                    throw LawViolation("A cancelled append ended by another error: \(error)")
                }
            }
            let shared = log.count { $0.stream.category == "shared" }
            try requireEqual(
                shared * 3, log.count { $0.stream.category == "account" }, "Three times the events of the second writes"
            )
        },
        EventStoreLaw("A read in a cancelled task is answered, or ends with the error that says so") { store in
            try await store.append(facts(5), to: "account-1")
            let reads: [@Sendable () async throws -> Void] = [
                { _ = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: 5) },
                { _ = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 5) },
                { _ = try await store.state(of: "account-1") }, { _ = try await store.head() },
                { _ = try await store.receipt(for: "command-1") },
                { _ = try await store.streams(after: nil, limit: 5) },
            ]
            for read in reads {
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    try await read()
                }
                do { try await task.value } catch {
                    try requireEqual(error as? ReadError, .cancelled, "The error of a read in a cancelled task")
                }
            }
            try requireEqual(try await store.wholeStream("account-1").count, 5, "The events read after that")
        },
    ]

    private static func requireCancelled(_ what: String, _ task: () async throws -> Void) async throws {
        do { try await task() } catch {
            try require(error as? ReadError == .cancelled, "\(what) ended by another error: \(error)")
            return
        }
        throw LawViolation("\(what) ended without an error")
    }
}
