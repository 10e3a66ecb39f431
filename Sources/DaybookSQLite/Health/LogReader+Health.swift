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
                consumers: positions.map { consumer in
                    consumer.health(
                        policy, head: Position(head), nextRecordedAt: timeOfNext(after: consumer.position, head: head),
                        at: now)
                },
                file: FileHealth(
                    eventsNotIndexed: head - (index.segments.last?.last ?? 0), walBytes: wal, freeBytes: free,
                    freeSpaceReserve: freeSpaceReserve),
                problems: problems)
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: false)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .damaged(position: nil, stream: nil, reason: "\(error)")
        }
    }

    /// When the first event behind a position was recorded, of those that were not scavenged.
    private func timeOfNext(after position: Position, head: Int64) -> Timestamp? {
        guard position.rawValue < head else { return nil }
        var next: Timestamp?
        // A damaged event is told by other means.
        _ = try? records(from: max(position, .start).next.rawValue, through: head) { _, record throws(StoreFailure) in
            next = Timestamp(microseconds: record.recordedAt)
            return false
        }
        return next
    }
}
