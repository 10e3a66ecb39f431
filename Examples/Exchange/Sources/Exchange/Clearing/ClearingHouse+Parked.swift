import Daybook
import DaybookCore

extension ClearingHouse {
    private var groups: [(kind: ParkedWork.Kind, group: any WorkingGroup, types: Set<EventType>)] {
        [
            (.settlement, process.commands, ["process.sent"]),
            (.release, releases.group, OrderRelease.types),
            (.confirmation, confirmations.group, Confirmations.types),
        ]
    }

    /// What could not be done, in the order of the log.
    public func parked() async throws -> [ParkedWork] {
        var work: [ParkedWork] = []
        for (kind, group, _) in groups {
            for parked in try await group.parked() {
                let page = try await log.readPage(
                    from: .position(parked.position), direction: .forward, filter: .everything, limit: 1)
                guard let event = page.events.first, event.position == parked.position else { continue }
                work.append(ParkedWork(kind, parked, event))
            }
        }
        return work.sorted { $0.position < $1.position }
    }

    /// Lets what is parked under a key be done again, and then what waits behind it, by whoever runs the clearing.
    ///
    /// - Throws: ``NothingParked``.
    public func replay(_ key: String) async throws {
        for (_, group, _) in groups {
            for parked in try await group.parked() where parked.key.rawValue == key {
                return try await group.replay(parked.key)
            }
        }
        throw NothingParked(key: key)
    }

    /// Whether all that is recorded is done, or parked.
    func isIdle() async throws -> Bool {
        for (_, group, types) in groups {
            // The last of them may lie many pages back.
            let events = log.events(from: .end, direction: .backward, filter: EventFilter(types: types), pageSize: 1)
            let last = try await events.first { _ in true }
            let status = try await group.status()
            let held = try await group.parked().reduce(0) { $0 + 1 + $1.waiting }
            // What is held, and neither parked nor behind it, is being done again.
            guard status.checkpoint >= last?.position ?? .start, status.held == held else { return false }
        }
        return true
    }
}

/// A consumer group, whatever its events are.
private protocol WorkingGroup {
    func status() async throws(ConsumerError) -> ConsumerGroupStatus
    func parked() async throws(ConsumerError) -> [ParkedEvent]
    func replay(_ key: ConsumerKey) async throws(ConsumerError)
}

extension ConsumerGroup: WorkingGroup {}
