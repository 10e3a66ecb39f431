import DaybookCore

extension LogReader {
    func health(
        _ policy: HealthPolicy, head: Int64, now: Timestamp, freeSpaceReserve: Int64
    ) throws(StoreFailure) -> StoreHealth {
        do {
            let positions = try consumerPositions(head: head)
            let wal = size("-wal")
            let free = OwnerLock.freeBytes(beside: file)
            var problems: [String] = []
            if let free, freeSpaceReserve > 0, free < freeSpaceReserve {
                problems.append(
                    "\(free) bytes are free, less than the reserve of \(freeSpaceReserve): appends are refused.")
            }
            if wal > policy.maxWALBytes {
                problems.append(
                    "The write-ahead log has \(wal) bytes, more than \(policy.maxWALBytes): look for a reader that holds it."
                )
            }
            return StoreHealth(
                head: Position(head), checkedAt: now,
                consumers: positions.map { health(of: $0, policy, head: head, now: now) },
                eventsNotIndexed: head - (index.segments.last?.last ?? 0), walBytes: wal, freeBytes: free,
                freeSpaceReserve: freeSpaceReserve, failure: nil, problems: problems)
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: false)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .damaged(position: nil, stream: nil, reason: "\(error)")
        }
    }

    private func health(
        of consumer: ConsumerPosition, _ policy: HealthPolicy, head: Int64, now: Timestamp
    ) -> ConsumerHealth {
        let behind = head - consumer.position
        var recordedAt: Int64?
        if behind > 0 {
            // A damaged event is told by other means.
            recordedAt = try? withRecord(at: consumer.position + 1) { record throws(StoreFailure) in record.recordedAt }
        }
        let seconds = recordedAt.map { max(0, Double(now.microseconds - $0) / 1e6) }
        var problems: [String] = []
        if !policy.ignoredConsumers.contains(consumer.name) {
            if let unreadable = consumer.unreadable { problems.append(unreadable) }
            if behind < 0 {
                problems.append(
                    "It has seen position \(consumer.position), beyond the log's end at \(head): the log was cut off or "
                        + "replaced; build it anew.")
            }
            if behind > policy.maxEventsBehind {
                problems.append("It is \(behind) events behind, more than \(policy.maxEventsBehind).")
            }
            if let limit = policy.maxTimeBehind, let seconds, .seconds(seconds) > limit {
                problems.append("The next event was recorded \(Int64(seconds)) s ago, more than \(limit).")
            }
            if let parked = consumer.parked, parked > policy.maxParked {
                problems.append("\(parked) are parked, more than \(policy.maxParked).")
            }
        }
        return ConsumerHealth(
            name: consumer.name, kind: consumer.kind, position: Position(consumer.position), eventsBehind: behind,
            secondsBehind: seconds, parked: consumer.parked, problems: problems)
    }
}
