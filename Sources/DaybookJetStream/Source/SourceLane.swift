#if JetStream
import Daybook
import Synchronization

/// One lane of a source, in one member: waits for its turn, holds the lane, loses it.
struct SourceLane: Sendable {
    let consumer: LaneConsumer
    let configuration: JetStreamSource.Configuration
    /// What a pull asks for, at most; more than any one message has.
    let bytes: Int

    private var name: String { consumer.lane }
    private var takeOver: Duration { consumer.takeOver }
    /// How long one request for messages stands. Each one shows that the member is alive.
    private var expires: Duration { takeOver / 3 }

    /// - Throws: ``JetStreamBusError``, or a cancellation.
    func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
        while true {
            let pin = try await waitForTurn()
            try await hold(pin, take)
        }
    }

    /// - Parameter isFirst: Whether all was well before.
    private func trouble(_ failure: ConnectionFailure, isFirst: Bool = true) async throws {
        try Task.checkCancellation()
        if isFirst { configuration.report(.troubled(subject: name, reason: failure.reason)) }
        try await consumer.check(after: failure)
        try await Task.sleep(for: .milliseconds(200))
    }

    // MARK: Waiting

    /// - Returns: What the server knows the holder by.
    private func waitForTurn() async throws -> String {
        var nextMove = ContinuousClock.now + configuration.moveEvery
        var isTroubled = false
        while true {
            try Task.checkCancellation()
            let pin = Pin()
            do throws(ConnectionFailure) {
                let end = try await consumer.pull(pin: nil, count: 1, bytes: nil, expires: takeOver) { message in
                    pin.take(message.header(MessageHeader.pinID))
                }
                if let pin = pin.value { return pin }
                isTroubled = false
                if case .interrupted(let reason) = end {
                    configuration.report(.troubled(subject: name, reason: reason))
                    try await pause()
                }
                let info = try await consumer.info()
                guard !info.isPinned else { continue }
                if info.numAckPending > 0 {
                    // Its last holder went away with all that the consumer delivers at once.
                    try await consumer.reset()
                } else if ContinuousClock.now >= nextMove {
                    nextMove = .now + configuration.moveEvery
                    try await moveOn(from: info)
                }
            } catch {
                if let pin = pin.value { return pin }
                try await trouble(error, isFirst: !isTroubled)
                isTroubled = true
            }
        }
    }

    private func pause() async throws(ConnectionFailure) {
        do { try await Task.sleep(for: .milliseconds(200)) } catch { throw .cancelled }
    }

    /// Notes of a lane which had nothing for a while that nothing of it lies before the stream's end: when messages are removed,
    /// those of other lanes are not taken for its own.
    ///
    /// That nothing is pending is not enough: that is counted in the replica of the consumer's leader, which may lag.
    ///
    /// - Parameter buffer: What the holder has of it.
    private func moveOn(from info: LaneConsumer.Info, _ buffer: LaneBuffer? = nil) async throws(ConnectionFailure) {
        guard info.numPending == 0, info.numAckPending == 0 else { return }
        let stream = try await consumer.streamInfo()
        let end = stream.state.lastSeq
        guard end > info.floor, try await consumer.isEmpty(behind: info.floor, in: stream) else { return }
        let now = try await consumer.info()
        guard now.numPending == 0, now.numAckPending == 0, now.delivered.streamSeq == info.delivered.streamSeq,
            now.floor == info.floor
        else { return }
        buffer?.expectMove()
        try await consumer.reset(to: end + 1)
    }

    // MARK: Holding

    /// Gives what comes until the lane is lost.
    private func hold(_ pin: String, _ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
        let buffer: LaneBuffer
        do {
            let info = try await consumer.reset()
            buffer = LaneBuffer(behind: info.floor, room: configuration.batch)
            let first = try await consumer.streamInfo().state.firstSeq
            if first > info.floor + 1, info.numPending > 0 { try missing(info.floor + 1...first - 1) }
        } catch let failure as ConnectionFailure {
            return try await trouble(failure)
        }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await fill(buffer, pin) }
                group.addTask { try await give(buffer, pin, take) }
                // The filling ends when the lane is lost; the handler is cancelled then, and waited for.
                try await group.next()
                if buffer.isInHand { configuration.report(.takenOver(lane: name)) }
                group.cancelAll()
                while let result = await group.nextResult() {
                    if case .failure(let error) = result, !(error is CancellationError) { throw error }
                }
            }
        } catch {
            await leave(buffer, pin)
            throw error
        }
        if Task.isCancelled { await leave(buffer, pin) }
    }

    /// Ended by the user or an error, and not by another member: the next one need not wait. Goes through to the end although the
    /// task is cancelled.
    private func leave(_ buffer: LaneBuffer, _ pin: String) async {
        let consumer = consumer
        await Task { await consumer.giveBack(taken: buffer.taken, pin: pin) }.value
    }

    // MARK: Filling

    /// Asks for messages as long as there is room, and shows that the member is alive when there is none.
    private func fill(_ buffer: LaneBuffer, _ pin: String) async throws {
        var lastContact = ContinuousClock.now
        var nextLook = ContinuousClock.now + configuration.lookEvery
        var nextMove = ContinuousClock.now + configuration.moveEvery
        var isTroubled = false
        var removed: ClosedRange<Int64>?
        while true {
            try Task.checkCancellation()
            do {
                let end: LaneConsumer.PullEnd
                let asked = ContinuousClock.now
                if buffer.hasRoom {
                    end = try await consumer.pull(
                        pin: pin, count: configuration.batch, bytes: bytes, expires: expires
                    ) { buffer.take($0, stream: consumer.origin) }
                } else {
                    // No message is so small.
                    end = try await consumer.pull(pin: pin, count: 1, bytes: 1, expires: .milliseconds(100)) {
                        buffer.take($0, stream: consumer.origin)
                    }
                    if end != .notPinned { await waitForRoom(of: buffer) }
                }
                isTroubled = false
                switch end {
                case .notPinned: return
                case .filled, .expired: lastContact = asked
                case .interrupted(let reason):
                    lastContact = asked
                    if !reason.contains("MaxBytes") {
                        configuration.report(.troubled(subject: name, reason: reason))
                        buffer.breakOff()
                        try await pause()
                    }
                }
                if buffer.isBroken {
                    buffer.expectMove()
                    try await consumer.reset(to: buffer.taken.map { $0 + 1 })
                }
                if ContinuousClock.now >= nextLook {
                    nextLook = .now + configuration.lookEvery
                    // Nothing of it was on its way when it was removed, if what came next lies behind it.
                    if let range = removed, let next = buffer.firstBehindMark {
                        if next > range.upperBound { try missing(range) }
                        removed = nil
                    }
                    let found = try await look(at: buffer, isMarked: removed != nil)
                    removed = removed ?? found
                }
                if end == .expired, buffer.isIdle, ContinuousClock.now >= nextMove {
                    nextMove = .now + configuration.moveEvery
                    try await moveOn(from: try await consumer.info(), buffer)
                }
            } catch let failure as ConnectionFailure {
                buffer.breakOff()
                // Others hold the lane by now.
                if lastContact.duration(to: .now) > takeOver + expires { return }
                try await trouble(failure, isFirst: !isTroubled)
                isTroubled = true
            }
        }
    }

    private func waitForRoom(of buffer: LaneBuffer) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await buffer.waitForRoom() }
            group.addTask { [expires] in try? await Task.sleep(for: expires) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Looks whether the server noted what was acknowledged, and whether the stream's limits removed what did not come.
    ///
    /// - Returns: What was removed, and may still be on its way.
    private func look(
        at buffer: LaneBuffer, isMarked: Bool
    ) async throws(ConnectionFailure) -> ClosedRange<Int64>? {
        let (epoch, noted) = (buffer.epoch, buffer.noted)
        let info = try await consumer.info()
        // An acknowledgement from before the consumer was moved may have spoiled those that came behind it.
        if let noted, epoch == buffer.epoch, info.floor < noted {
            buffer.expectMove()
            try await consumer.reset(to: noted + 1)
        }
        guard !isMarked, info.numPending > 0 else { return nil }
        let last = buffer.mark()
        let first = try await consumer.streamInfo().state.firstSeq
        return first > last + 1 ? last + 1...first - 1 : nil
    }

    private func missing(_ sequences: ClosedRange<Int64>) throws {
        let error = JetStreamBusError.messagesMissing(
            lane: name, from: sequences.lowerBound, through: sequences.upperBound)
        if configuration.start == .committed { throw error }
        configuration.report(error)
    }

    // MARK: Giving

    private func give(
        _ buffer: LaneBuffer, _ pin: String, _ take: @Sendable (ReceivedBatch) async throws -> Void
    ) async throws {
        while let batch = await buffer.next(atMost: configuration.batch) {
            let received = ReceivedBatch(lane: name, messages: batch.events.map(\.message))
            var wait = configuration.retries.lowerBound
            while true {
                do {
                    try await take(received)
                    break
                } catch {
                    try Task.checkCancellation()
                    configuration.report(.notTaken(lane: name, reason: "\(error)"))
                    try await Task.sleep(for: wait)
                    wait = min(wait * 2, configuration.retries.upperBound)
                }
            }
            // What is behind it in the buffer is another member's by now, when the lane is.
            guard try await note(batch, in: buffer, pin) else { return }
        }
    }

    /// Has the server note that a batch was taken.
    ///
    /// - Returns: False when another member holds the lane.
    private func note(_ batch: LaneBuffer.Batch, in buffer: LaneBuffer, _ pin: String) async throws -> Bool {
        let last = batch.last
        buffer.wasTaken(last.sequence)
        while true {
            do throws(ConnectionFailure) {
                if batch.epoch == buffer.epoch, !buffer.isBroken {
                    try await consumer.acknowledge(last.reply)
                } else {
                    // The acknowledgement does not fit any more. Another member may hold the lane by now, and be further.
                    let info = try await consumer.info()
                    guard info.pin == nil || info.pin == pin else { return false }
                    if info.floor < last.sequence {
                        buffer.expectMove()
                        try await consumer.reset(to: last.sequence + 1)
                    }
                }
                buffer.wasNoted(last.sequence)
                return true
            } catch {
                try Task.checkCancellation()
                configuration.report(.notNoted(lane: name, reason: error.reason))
                try await consumer.check(after: error)
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }
}

/// What a delivered message said of its receiver.
private final class Pin: Sendable {
    private let held = Mutex<String?>(nil)

    var value: String? { held.withLock { $0 } }

    func take(_ value: String?) {
        if let value { held.withLock { $0 = value } }
    }
}
#endif
