import DaybookCore

/// Appends one request a line, many at a time, and acknowledges each as soon as it is durable.
///
/// The reader goes on while earlier requests are being written, so that they share commits; acknowledgements come in the
/// order in which the store finishes, and carry their line's number. A writer that needs one request to follow another
/// waits for the first one's acknowledgement, or states the expected version.
struct RequestStream: Sendable {
    /// The requests read but not yet acknowledged. The reader waits when there are so many.
    static let maximumInFlight = 1024
    /// A line may hold a whole request of ``Limits/appendBytes`` in base 64, and its names.
    static let maximumLineBytes = 2 * Limits.appendBytes

    struct Totals: Sendable, Equatable {
        var acknowledged = 0
        var failed = 0
        /// Those of them that may be written all the same.
        var doubtful = 0
        /// Whether a failure was the storage's.
        var storageFailed = false
        /// Whether a server refused a request for a right that is missing.
        var isDenied = false

        mutating func add(_ answer: Acknowledgement) {
            acknowledged += 1
            guard answer.isFailure else { return }
            failed += 1
            guard case .refused(let error) = answer.outcome else { return }
            if error.mayBeWritten { doubtful += 1 }
            switch CommandFailure(error).code {
            case .inputOutput: storageFailed = true
            case .noPermission: isDenied = true
            default: break
            }
        }

        /// How the command ends; nil when all were appended.
        var failure: CommandFailure? {
            guard failed > 0 else { return nil }
            let what =
                doubtful > 0
                ? "failed, and \(doubtful.grouped) of these may be in the log all the same" : "were not appended"
            return CommandFailure(
                storageFailed ? .inputOutput : isDenied ? .noPermission : .refused,
                "\(failed.grouped) of \(acknowledged.grouped) requests \(what): see the acknowledgements with an \"error\"."
            )
        }
    }

    let store: any EventStore
    /// Takes each acknowledgement, and returns when it has left.
    let acknowledge: @Sendable ([UInt8]) async throws -> Void

    /// Runs until the input ends and everything is acknowledged.
    func run(_ source: ByteSource) async throws -> Totals {
        var totals = Totals()
        var lines = LineSource(source, maximumBytes: Self.maximumLineBytes)
        try await withThrowingTaskGroup(of: Acknowledgement.self) { group in
            var inFlight = 0
            while let line = try await lines.next() {
                if line.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
                if inFlight == Self.maximumInFlight, let answer = try await group.next() {
                    totals.add(answer)
                    inFlight -= 1
                }
                inFlight += 1
                group.addTask {
                    let answer = await answer(line)
                    try await acknowledge(answer.encoded())
                    return answer
                }
            }
            for try await answer in group { totals.add(answer) }
        }
        return totals
    }

    private func answer(_ line: LineSource.Line) async -> Acknowledgement {
        let request: AppendRequest
        do { request = try AppendRequest(jsonLine: line.bytes) } catch {
            return Acknowledgement(line: line.number, outcome: .malformed(error))
        }
        do { return Acknowledgement(line: line.number, outcome: .appended(try await store.append(request))) } catch {
            return Acknowledgement(line: line.number, outcome: .refused(error))
        }
    }
}
