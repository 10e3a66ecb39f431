import DaybookCore

/// What a run of scavenging is to remove: the first versions of some streams, which are hidden from their readers.
struct ScavengePlan: Sendable {
    struct Stream: Sendable {
        /// Of its name.
        var number: Int64
        /// Those still to be gathered.
        var versions: Range<Int64>
        /// Where its settings were recorded last: they are what hides the events.
        var control: Int64
    }

    /// Up to where events may be removed, and up to where the consumers let them be.
    let through: Int64
    let consumed: Int64
    let now: Timestamp

    /// The last one first.
    var streams: [Stream] = []
    var events: Int64 = 0
    var heldBack: Int64 = 0
    /// The last hidden event.
    var lastHidden: Int64 = 0
    /// The number of the last name that was looked at.
    var name: Int64 = 0
    var isComplete = false

    init(through: Int64, consumed: Int64, now: Timestamp) {
        self.through = through
        self.consumed = consumed
        self.now = now
    }
}

/// Positions of events that are to be removed, and why they may be.
struct ScavengeBatch: Sendable {
    struct Reason: Sendable {
        /// Of the stream, versions below this one are hidden,
        var below: Int64
        /// as long as these are its last settings.
        var control: Int64
    }

    /// In their order.
    var positions: ArraySlice<Int64> = []
    /// By the numbers of the streams' names.
    var reasons: [Int64: Reason] = [:]
}

extension LogReader {
    private static let namesPerStep = 1000

    /// Takes some more streams into a plan.
    func extend(_ plan: inout ScavengePlan, head: Int64) throws(StoreFailure) {
        var names: [(number: Int64, stream: StreamName)] = []
        do {
            let statement = try connection.prepare(
                """
                SELECT id, text FROM names WHERE id > ? AND kind = \(NameKind.stream.rawValue) AND substr(text, 1, 2) = '$$'
                ORDER BY id LIMIT \(Self.namesPerStep)
                """)
            statement.bind(1, plan.name)
            while try statement.step() {
                guard let stream = StreamName(unchecked: statement.text(1)).controlled else { continue }
                names.append((statement.integer(0), stream))
            }
        } catch {
            throw StoreFailure(reading: error, fromIndex: false)
        }
        for name in names {
            plan.name = name.number
            try extend(&plan, withStream: name.stream, head: head)
        }
        plan.isComplete = names.count < Self.namesPerStep
    }

    private func extend(
        _ plan: inout ScavengePlan, withStream name: StreamName, head: Int64
    ) throws(StoreFailure) {
        guard !name.isControl, let number = try names.number(.stream, name.rawValue),
            let last = try index.last(under: IndexKey(kind: .stream, key: number), atOrBelow: head)?.ordinal,
            let control = try index.last(under: IndexKey(kind: .control, key: number), atOrBelow: head)?.number
        else { return }
        let state = try self.control(ofStream: number, head: head).state(lastVersion: StreamVersion(last))
        let visible =
            state.status == .live
            ? try visibleVersions(of: number, in: state, last: last, head: head, now: plan.now)?.lowerBound : nil
        // The last event stays, so that versions go on from it.
        let hidden = min(visible ?? last, last)
        let first = try firstKeptVersion(of: number, in: 0...last, head: head)
        guard first < hidden else { return }
        let end = try firstVersion(of: number, in: first...hidden - 1, head: head) { $0 > plan.through }
        guard first < end else { return }
        let consumed = try firstVersion(of: number, in: first...end - 1, head: head) { $0 > plan.consumed }
        plan.heldBack += end - consumed
        if let position = try positions(of: number, from: end - 1, backward: false, count: 1, head: head).first {
            plan.lastHidden = max(plan.lastHidden, position)
        }
        guard first < consumed else { return }
        plan.streams.append(ScavengePlan.Stream(number: number, versions: first..<consumed, control: control))
        plan.events += consumed - first
    }

    /// Takes the next events out of a plan, as many as are easily held in memory, in the order of the log: so that
    /// neighbours are removed together.
    func take(from plan: inout ScavengePlan, atMost limit: Int, head: Int64) throws(StoreFailure) -> ScavengeBatch {
        var positions: [Int64] = []
        var batch = ScavengeBatch()
        while var stream = plan.streams.popLast() {
            while !stream.versions.isEmpty, positions.count < limit {
                let found = try self.positions(
                    of: stream.number, from: stream.versions.lowerBound, backward: false,
                    count: min(stream.versions.count, limit - positions.count, IndexBlock.numbersPerEntry), head: head)
                guard !found.isEmpty else {
                    throw .indexDamaged("a stream has no entry for version \(stream.versions.lowerBound)")
                }
                positions += found
                stream.versions = stream.versions.lowerBound + Int64(found.count)..<stream.versions.upperBound
            }
            batch.reasons[stream.number] = ScavengeBatch.Reason(
                below: stream.versions.lowerBound, control: stream.control)
            if !stream.versions.isEmpty { plan.streams.append(stream) }
            if positions.count >= limit { break }
        }
        batch.positions = positions.sorted()[...]
        return batch
    }

    /// Bytes of the records of a batch, those in archives not.
    func bytes(of batch: ScavengeBatch) throws(StoreFailure) -> Int64 {
        var bytes: Int64 = 0
        let archived = try archives.all().last?.positions.upperBound ?? 0
        try eachRecord(at: Array(batch.positions)) { position, record throws(StoreFailure) in
            if position > archived { bytes += Int64(record.bytes.count) }
            return true
        }
        return bytes
    }
}
