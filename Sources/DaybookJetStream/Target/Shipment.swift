#if JetStream
/// Sends lanes to a JetStream stream: the events of a lane in order, none before the one in front of it is stored.
struct Shipment: Sendable {
    let stream: TargetStream
    let configuration: JetStreamTarget.Configuration
    /// What is remembered of subjects from one call to the next. What is out of date is refused by the servers.
    let heads: HeadCache<Int64>

    private enum Step {
        case goOn
        /// Something about one of several lanes: each is to be sent by itself.
        case apart
        /// Nothing can be done at the moment.
        case wait(JetStreamBusError)
        case failed(JetStreamBusError)
        case stopped
    }

    /// How often a subject may be found changed right after it was asked for.
    private static let conflicts = 20
    /// Bytes of a batch, at most: it is held in the leader's memory.
    private static let batchBytes = 4 << 20
    /// Bytes of a message's headers, at most, whatever the servers are set to.
    private static let headerBytes = Int(UInt16.max)

    // MARK: Together

    /// Sends all of them, some at a time.
    func sendAll(_ lanes: [OutgoingLane]) async {
        let limit = stream.batchLimit
        var groups: [[OutgoingLane]] = []
        var last: [OutgoingLane] = []
        var count = 0
        for lane in lanes {
            if !last.isEmpty, count + lane.entries.count > limit {
                groups.append(last)
                (last, count) = ([], 0)
            }
            last.append(lane)
            count += lane.entries.count
        }
        if !last.isEmpty { groups.append(last) }
        await send(groups)
    }

    private func send(_ groups: [[OutgoingLane]]) async {
        // Single events need more company than batches.
        let atOnce = stream.batchLimit == 1 ? max(configuration.underWay, 64) : configuration.underWay
        await withTaskGroup(of: Void.self) { tasks in
            for (index, group) in groups.enumerated() {
                if index >= atOnce { await tasks.next() }
                tasks.addTask { await send(group) }
            }
        }
    }

    /// Sends lanes until nothing is left of them.
    private func send(_ group: [OutgoingLane]) async {
        var lanes = group
        var troubled: (since: ContinuousClock.Instant, waits: Int)?
        while !lanes.isEmpty {
            switch await step(&lanes) {
            case .goOn: troubled = nil
            case .apart: return await send(lanes.map { [$0] })
            case .stopped: return
            case .failed(let error):
                configuration.report(error)
                for index in lanes.indices { lanes[index].fail(error) }
                return
            case .wait(let error):
                if troubled == nil { configuration.report(error) }
                let (since, waits) = troubled ?? (.now, 0)
                troubled = (since, waits + 1)
                if since.duration(to: .now) >= configuration.patience {
                    for index in lanes.indices { lanes[index].fail(error) }
                    return
                }
                do { try await Task.sleep(for: min(.milliseconds(20 << min(waits, 5)), .milliseconds(500))) } catch {
                    return
                }
            }
        }
    }

    // MARK: One step

    /// Sends what stands next. What became of it is known afterwards, or the head is not.
    private func step(_ lanes: inout [OutgoingLane]) async -> Step {
        if Task.isCancelled { return .stopped }
        if let failure = await askForHeads(of: &lanes) { return outcome(failure, subject: lanes.first?.subject ?? "") }
        for index in lanes.indices {
            if let error = lanes[index].entries.first.flatMap(excess) { lanes[index].refuse(error) }
        }
        lanes.removeAll(where: \.isOver)
        if lanes.isEmpty { return .goOn }
        let parcel = Parcel(
            sendable(lanes), to: configuration.stream, limit: stream.batchLimit, bytes: Self.batchBytes,
            batchID: stream.nextBatchID)
        do throws(ConnectionFailure) {
            let ack = try await stream.connection.publishAcknowledged(
                parcel.messages, timeout: configuration.requestTimeout)
            note(ack, parcel, &lanes)
            return .goOn
        } catch {
            return failed(error, parcel, &lanes)
        }
    }

    /// Without what is too large, and what stands behind it; that is refused when its turn comes.
    private func sendable(_ lanes: [OutgoingLane]) -> [OutgoingLane] {
        lanes.map { lane in
            guard let index = lane.entries.firstIndex(where: { excess($0) != nil }) else { return lane }
            return lane.first(index - lane.entries.startIndex)
        }
    }

    /// Why the servers will never take an event, if it is too large for them.
    private func excess(_ entry: OutgoingLane.Entry) -> JetStreamBusError? {
        let sizes = [(entry.size, stream.sizeLimit), (entry.headerSize, Self.headerBytes)]
        for (size, most) in sizes where size > most - Parcel.headerRoom {
            return .messageTooLarge(subject: entry.outgoing.subject, size: size, limit: most - Parcel.headerRoom)
        }
        return nil
    }

    private func note(_ ack: PublishAck, _ parcel: Parcel, _ lanes: inout [OutgoingLane]) {
        if ack.isDuplicate {
            // Of a single message: it was stored before, and the subject is as it was.
            lanes[parcel.parts[0].lane].wasStored()
        } else {
            var sequence = ack.sequence - Int64(parcel.messages.count)
            for (lane, count) in parcel.parts {
                sequence += Int64(count)
                lanes[lane].stored(count, at: sequence)
                heads.set(sequence, for: lanes[lane].subject)
            }
        }
        lanes.removeAll(where: \.isOver)
    }

    private func failed(_ failure: ConnectionFailure, _ parcel: Parcel, _ lanes: inout [OutgoingLane]) -> Step {
        if parcel.parts.count > 1, isAboutOne(failure) {
            // Nothing was stored, and of the other lanes what is known is right.
            if case .refused(10199, _) = failure { stream.reduceBatch(below: parcel.messages.count) }
            return .apart
        }
        let first = parcel.parts[0].lane
        let head = lanes[first].head
        for (lane, _) in parcel.parts { forget(&lanes[lane]) }
        switch failure {
        case .refused(10071, let description):
            // What the subject had was removed, or this is a first attempt's doing that was believed lost; or a rival's.
            if case .remembered(let known) = head, (Self.lastNumber(in: description) ?? 0) > known {
                return .failed(.overtaken(subject: lanes[first].subject))
            }
            lanes[first].conflicts += 1
            if lanes[first].conflicts > Self.conflicts { return .failed(.overtaken(subject: lanes[first].subject)) }
            return .goOn
        case .refused(10201, _):
            lanes[first].isOneByOne = true
            return .goOn
        case .refused(10174, _):
            stream.reduceBatch(below: 1)
            return .goOn
        case .refused(10199, _):
            stream.reduceBatch(below: parcel.messages.count)
            return .goOn
        case .refused(10176, _) where parcel.messages.count > 1:
            // Its leader changed, or one of it was too large for the stream.
            lanes[first].isOneByOne = true
            return .wait(.notStored(subject: lanes[first].subject, reason: failure.reason))
        case .refused(10054, _):
            guard parcel.messages.count == 1, let entry = lanes[first].entries.first else {
                lanes[first].isOneByOne = true
                return .goOn
            }
            lanes[first].refuse(
                .messageTooLarge(subject: lanes[first].subject, size: entry.size, limit: stream.sizeLimit))
            lanes.removeAll(where: \.isOver)
            return .goOn
        default: return outcome(failure, subject: lanes[first].subject)
        }
    }

    /// Whether one lane may be the reason why a batch of several was refused as a whole.
    private func isAboutOne(_ failure: ConnectionFailure) -> Bool {
        guard case .refused(let code, _) = failure else { return false }
        return [10054, 10071, 10174, 10176, 10199, 10201].contains(code)
    }

    private func forget(_ lane: inout OutgoingLane) {
        heads.remove(lane.subject)
        lane.head = .unknown
    }

    /// What a failure says that is no lane's own.
    private func outcome(_ failure: ConnectionFailure, subject: String) -> Step {
        let error = JetStreamBusError.notStored(subject: subject, reason: failure.reason)
        switch failure {
        case .cancelled: return .stopped
        case .closed: return .failed(.stopped)
        // Another write on the subject is under way; a batch was lost with its leader; too many batches are open.
        case .refused(10164, _), .refused(10176, _), .refused(10210, _), .refused(429, _): return .wait(error)
        case .refused(10059, _): return .failed(.streamMissing(name: configuration.stream))
        default: return failure.isPassing ? .wait(error) : .failed(error)
        }
    }

    /// The number at the end of a text such as `wrong last sequence: 12`.
    private static func lastNumber(in text: String) -> Int64? { text.split(separator: " ").last.flatMap { Int64($0) } }

    // MARK: Heads

    /// Asks for what stands last on the subjects of which it is not known.
    private func askForHeads(of lanes: inout [OutgoingLane]) async -> ConnectionFailure? {
        let unknown = lanes.indices.filter { lanes[$0].head == .unknown }
        guard !unknown.isEmpty else { return nil }
        typealias Found = (lane: Int, last: Result<OutgoingLane.Last?, ConnectionFailure>)
        let subjects = lanes.map(\.subject)
        let found = await withTaskGroup(of: Found.self, returning: [Found].self) { tasks in
            var found: [Found] = []
            for (index, lane) in unknown.enumerated() {
                if index >= 64, let next = await tasks.next() { found.append(next) }
                tasks.addTask { (lane, await lastMessage(on: subjects[lane])) }
            }
            for await next in tasks { found.append(next) }
            return found
        }
        var failure: ConnectionFailure?
        for (lane, last) in found {
            switch last {
            case .success(let last):
                var stored: Set<String> = []
                if let last, lanes[lane].mayStandBefore(last) {
                    do throws(ConnectionFailure) {
                        stored = try await identifiers(on: lanes[lane], before: last)
                    } catch {
                        failure = failure ?? error
                        continue
                    }
                }
                lanes[lane].found(last, stored: stored)
                heads.set(last?.sequence ?? 0, for: lanes[lane].subject)
            case .failure(let error): failure = failure ?? error
            }
        }
        return failure
    }

    /// The identifiers of the messages on a lane's subject that came after its first event was recorded. That says by another clock
    /// than the servers', so that it is looked for some time before. None where the stream allows no direct reads: what is not known
    /// to be stored is sent again.
    func identifiers(
        on lane: OutgoingLane, before end: OutgoingLane.Last
    ) async throws(ConnectionFailure) -> Set<String> {
        guard stream.allowsDirect, let time = lane.entries.lazy.compactMap({ $0.message.events.first?.time }).first
        else { return [] }
        let (connection, timeout) = (stream.connection, configuration.requestTimeout)
        let begin = time.advanced(by: .zero - Self.clockDifference)
        guard end.time >= begin else { return [] }
        let first = try await connection.directMessage(
            since: begin, on: lane.subject, in: configuration.stream, timeout: timeout)
        // The replica that answers has not come so far.
        guard let first else { throw .timedOut }
        var found: Set<String> = []
        var next = first.sequence
        while next < end.sequence {
            let page = try await connection.directMessages(
                from: next, on: lane.subject, limit: 1_000, bytes: 4 << 20, in: configuration.stream,
                withIdentifiers: true, timeout: timeout)
            guard let last = page.messages.last else { throw .timedOut }
            for message in page.messages { if let id = message.header(MessageHeader.messageID) { found.insert(id) } }
            next = last.sequence + 1
        }
        return found
    }

    private static let clockDifference = Duration.seconds(600)

    private func lastMessage(on subject: String) async -> Result<OutgoingLane.Last?, ConnectionFailure> {
        do throws(ConnectionFailure) {
            let last = try await stream.connection.lastMessage(
                on: subject, in: configuration.stream, timeout: configuration.requestTimeout)
            return .success(
                last.map {
                    OutgoingLane.Last(
                        sequence: $0.sequence, time: $0.time, id: $0.header(MessageHeader.messageID),
                        place: PublishedPlace($0))
                })
        } catch {
            return .failure(error)
        }
    }
}
#endif
