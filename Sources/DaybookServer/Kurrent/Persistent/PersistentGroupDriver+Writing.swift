#if Server
import DaybookCore

extension PersistentGroupDriver {
    /// How many links are appended at once.
    private static let linksAtOnce = 100

    /// Writes what the group parks, and its checkpoints, until the task is cancelled. What fails is tried again after a second.
    func write() async {
        var links: [NewEvent] = []
        while !Task.isCancelled {
            let seen = writing.count
            do {
                guard look(\.wantsWriting) else {
                    try await writing.wait(beyond: seen)
                    continue
                }
                try await park(&links)
                try await saveCheckpoint()
                try await truncateReplayed()
            } catch {
                if Task.isCancelled { return }
                logger.error(
                    "A group of consumers cannot save its state.",
                    metadata: ["group": "\(name.id)", "error": "\(error)"])
                guard (try? await Task.sleep(for: Self.second)) != nil else { return }
            }
        }
    }

    /// - Parameter links: Those of the last attempt, which are tried again as they were: it is not known what became of them.
    private func park(_ links: inout [NewEvent]) async throws {
        if links.isEmpty {
            let now = TimeSource.system.now
            links = look { group in
                group.parking.prefix(Self.linksAtOnce).map { ParkedStream.link(to: $0, at: now) }
            }
        }
        guard !links.isEmpty else { return }
        try await parkedStream.append(links)
        let count = links.count
        links = []
        change { $0.parked(count) }
    }

    private func saveCheckpoint() async throws {
        guard let due = look(\.progress.due) else { return }
        try await checkpoints.save(Checkpoint(after: Position(due.place.position)), for: name.checkpoint)
        change { $0.progress.save(due, now: .now) }
    }

    private func truncateReplayed() async throws {
        guard let revision = look(\.parkedTruncation) else { return }
        try await parkedStream.truncate(before: revision)
        change { $0.truncatedParked(before: revision) }
    }
}
#endif
