#if Server
import DaybookCore
import Logging
import Synchronization

/// The scavenging of a store, one run at a time.
final class Scavenges: Sendable {
    private struct Run {
        let id: String
        let task: Task<Void, Never>
    }

    private let scavenge: @Sendable () async throws -> Void
    private let logger: Logger
    private let current = Mutex<Run?>(nil)

    init(_ scavenge: @escaping @Sendable () async throws -> Void, logger: Logger) {
        self.scavenge = scavenge
        self.logger = logger
    }

    /// Starts a run, unless one is under way. Returns the identifier of the one that is.
    func start() -> (id: String, isNew: Bool) {
        current.withLock { current -> (id: String, isNew: Bool) in
            if let current { return (current.id, false) }
            let id = EventID().description
            // Owned by this object: whoever ends the server has it ended.
            current = Run(id: id, task: Task { await run(id: id) })
            return (id, true)
        }
    }

    /// Asks a run to end. False when no run of this identifier is under way.
    func stop(id: String) -> Bool {
        let task = current.withLock { $0?.id == id ? $0?.task : nil }
        task?.cancel()
        return task != nil
    }

    /// Ends the run that is under way.
    func end() async {
        let task = current.withLock { $0?.task }
        task?.cancel()
        await task?.value
    }

    private func run(id: String) async {
        logger.info("Scavenging has begun.", metadata: ["scavenge": "\(id)"])
        do {
            try await scavenge()
            logger.info("Scavenging is done.", metadata: ["scavenge": "\(id)"])
        } catch {
            logger.warning("Scavenging has ended early.", metadata: ["scavenge": "\(id)", "reason": "\(error)"])
        }
        current.withLock { $0 = nil }
    }
}
#endif
