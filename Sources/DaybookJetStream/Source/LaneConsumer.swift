#if JetStream
import Synchronization

/// The durable pull consumer of one lane, on the servers: it knows up to where the lane was taken, and which member holds it.
///
/// Events are acknowledged up to one of them (`ack_policy: all`), and one member at a time is given events (`pinned_client`).
/// Whoever becomes that member first moves the consumer back to where the acknowledgements end (`CONSUMER.RESET`), so that it is
/// given everything behind, in order, whatever others had in hand.
struct LaneConsumer: Sendable {
    struct Config: Codable, Sendable {
        var durableName: String?
        var description: String?
        var deliverPolicy: String?
        var optStartSeq: Int64?
        var ackPolicy: String?
        var ackWait: Int64?
        var maxDeliver: Int?
        var maxAckPending: Int?
        var filterSubject: String?
        var filterSubjects: [String]?
        var priorityGroups: [String]?
        var priorityPolicy: String?
        var priorityTimeout: Int64?
        var metadata: [String: String]?
    }

    struct Info: Decodable, Sendable {
        struct Place: Decodable, Sendable {
            var consumerSeq: Int64
            var streamSeq: Int64
        }
        struct Group: Decodable, Sendable {
            var pinnedClientId: String?
        }
        var config: Config
        var delivered: Place
        var ackFloor: Place
        var numAckPending: Int
        var numPending: Int64
        var priorityGroups: [Group]?

        /// What the server knows the member by that holds the lane; nil when none does.
        var pin: String? { priorityGroups?.lazy.compactMap(\.pinnedClientId).first { !$0.isEmpty } }
        var isPinned: Bool { pin != nil }

        /// Up to which sequence everything of the lane was taken; one that begins behind some sequence has taken that.
        var floor: Int64 { max(ackFloor.streamSeq, (config.optStartSeq ?? 1) - 1) }
    }

    private struct Creation: Encodable {
        var streamName: String
        var action = "create"
        var config: Config
    }

    /// Of the one priority group.
    static let group = "daybook"
    private static let sharing = "daybook.sharing"

    /// The lane's name, for reports.
    let lane: String
    let name: String
    let stream: String
    /// Of its messages' origins: the stream, and when it was made.
    let origin: String
    /// The subjects of its messages, with wildcards.
    private let filters: [String]
    let connection: JetStreamConnection
    private let inbox: StreamInbox
    let requestTimeout: Duration
    /// Where it began, unless at the oldest event.
    let first: Int64?
    /// After how long a member that does not ask for events is replaced.
    let takeOver: Duration

    // MARK: Making and finding

    /// - Parameter first: Where a new one begins.
    static func open(
        _ lane: (name: String, consumer: String, filters: [String]), of configuration: JetStreamSource.Configuration,
        startingAt first: Int64?, on connection: JetStreamConnection
    ) async throws(JetStreamBusError) -> LaneConsumer {
        let info = try await find(lane, of: configuration, startingAt: first, on: connection)
        if let reason = unfitness(info.config, lane.filters, configuration) {
            throw .consumerUnfit(name: lane.consumer, reason: reason)
        }
        let version = info.config.metadata?["_nats.ver"] ?? "unknown"
        if let known = NATSVersion(version), known < .consumerReset {
            throw .serverTooOld(version: version, needed: "NATS \(NATSVersion.consumerReset)")
        }
        let inbox: StreamInbox
        let made: BusStream
        do throws(ConnectionFailure) {
            inbox = try StreamInbox(connection)
            made = try await connection.api(
                "STREAM.INFO.\(configuration.stream)", timeout: configuration.requestTimeout)
        } catch {
            throw .unreachable(servers: configuration.servers.urls, reason: error.reason)
        }
        return LaneConsumer(
            lane: lane.name, name: lane.consumer, stream: configuration.stream,
            origin: "\(configuration.stream)/\(made.created ?? "")",
            filters: lane.filters, connection: connection, inbox: inbox,
            requestTimeout: configuration.requestTimeout, first: info.config.optStartSeq,
            takeOver: info.config.priorityTimeout.map { .nanoseconds($0) } ?? configuration.takeOver)
    }

    private static func find(
        _ lane: (name: String, consumer: String, filters: [String]), of configuration: JetStreamSource.Configuration,
        startingAt first: Int64?, on connection: JetStreamConnection
    ) async throws(JetStreamBusError) -> Info {
        let stream = configuration.stream
        do throws(ConnectionFailure) {
            do throws(ConnectionFailure) {
                return try await connection.api(
                    "CONSUMER.INFO.\(stream).\(lane.consumer)", timeout: configuration.requestTimeout)
            } catch {
                guard case .refused(10014, _) = error else { throw error }
            }
            guard configuration.start != .committed else { throw .refused(code: 10014, description: "") }
            let config = Config(
                durableName: lane.consumer, description: "A lane of the Daybook receiver '\(configuration.group)'",
                deliverPolicy: first == nil ? "all" : "by_start_sequence", optStartSeq: first, ackPolicy: "all",
                // Nothing waits for it: whoever takes over moves the consumer back.
                ackWait: Duration.seconds(3600).wholeNanoseconds, maxDeliver: -1,
                maxAckPending: 2 * configuration.batch,
                filterSubjects: lane.filters, priorityGroups: [group], priorityPolicy: "pinned_client",
                priorityTimeout: configuration.takeOver.wholeNanoseconds, metadata: [sharing: configuration.sharing])
            do throws(ConnectionFailure) {
                return try await connection.api(
                    "CONSUMER.CREATE.\(stream).\(lane.consumer)",
                    Creation(streamName: stream, config: config).json, timeout: configuration.requestTimeout * 2)
            } catch {
                // Another member made it at the same moment.
                guard case .refused(10148, _) = error else { throw error }
                return try await connection.api(
                    "CONSUMER.INFO.\(stream).\(lane.consumer)", timeout: configuration.requestTimeout)
            }
        } catch {
            switch error {
            case .refused(10014, _): throw .consumerMissing(name: lane.consumer, stream: stream)
            case .refused(10059, _): throw .streamMissing(name: stream)
            case .refused(let code, let description):
                throw .consumerUnfit(name: lane.consumer, reason: "JetStream error \(code): \(description)")
            case .cancelled: throw .stopped
            default:
                throw .unreachable(
                    servers: configuration.servers.urls, reason: "the consumer '\(lane.consumer)': \(error.reason)")
            }
        }
    }

    private static func unfitness(
        _ config: Config, _ filters: [String], _ configuration: JetStreamSource.Configuration
    ) -> String? {
        let found = config.filterSubjects ?? config.filterSubject.map { [$0] } ?? []
        if let sharing = config.metadata?[sharing], sharing != configuration.sharing {
            return "it is for \(sharing), not for \(configuration.sharing)"
        }
        if Set(found) != Set(filters) { return "it takes \(found), not \(filters)" }
        if config.ackPolicy != "all" { return "its acknowledgements are not 'all'" }
        if config.priorityPolicy != "pinned_client" || config.priorityGroups != [group] {
            return "it has no priority group '\(group)' with the policy 'pinned_client'"
        }
        if let most = config.maxDeliver, most > 0 { return "it gives a message up after \(most) deliveries" }
        return nil
    }

    // MARK: Its state

    func info() async throws(ConnectionFailure) -> Info {
        try await connection.api("CONSUMER.INFO.\(stream).\(name)", timeout: requestTimeout)
    }

    func streamInfo() async throws(ConnectionFailure) -> BusStream {
        try await connection.api("STREAM.INFO.\(stream)", timeout: requestTimeout)
    }

    /// Whether the lane has nothing behind a sequence, up to where the stream ends; false when it cannot be told.
    ///
    /// One answer says what there is and how far its server has come: a leader that was deposed, and does not know it
    /// yet, has not come so far. Where the stream allows no direct reads, or the lane has too many subjects for one,
    /// the leader is asked for the lane, and before and afterwards how far it has come.
    func isEmpty(behind sequence: Int64, in found: BusStream) async throws(ConnectionFailure) -> Bool {
        guard let last = try await lastMessage(on: ">") else { return false }
        if found.config.allowDirect == true {
            do throws(ConnectionFailure) {
                // With the last message's subject, who has nothing of the lane says how far it has come all the same.
                let page = try await connection.directLastMessages(
                    on: filters + [last.subject], from: sequence + 1, in: stream, timeout: requestTimeout)
                guard let upTo = page.upTo, upTo >= found.state.lastSeq, page.pending == 0 else { return false }
                return !page.messages.contains { message in
                    message.sequence > sequence && filters.contains { BusStream.covers($0, message.subject) }
                }
            } catch {
                guard case .refused(413, _) = error else { throw error }
            }
        }
        guard last.sequence >= found.state.lastSeq else { return false }
        for filter in filters {
            if let message = try await lastMessage(on: filter), message.sequence > sequence { return false }
        }
        return try await lastMessage(on: ">").map { $0.sequence >= found.state.lastSeq } ?? false
    }

    /// As the stream's leader has it.
    private func lastMessage(on subject: String) async throws(ConnectionFailure) -> StoredMessage? {
        try await connection.lastMessage(on: subject, in: stream, timeout: requestTimeout)
    }

    /// Moves it to where its acknowledgements end, or to a sequence, before which everything counts as taken then.
    @discardableResult
    func reset(to sequence: Int64? = nil) async throws(ConnectionFailure) -> Info {
        try await connection.api(
            "CONSUMER.RESET.\(stream).\(name)", sequence.map { "{\"seq\":\($0)}" } ?? "", timeout: requestTimeout)
    }

    /// Gives the lane to others, and what was delivered back, unless another member holds it already. What fails is left: the
    /// next one then waits for its turn.
    ///
    /// - Parameters:
    ///   - taken: Up to where it was taken, if anything was.
    ///   - pin: What the server knows this member by.
    func giveBack(taken: Int64?, pin: String) async {
        do throws(ConnectionFailure) {
            let info = try await info()
            guard info.pin == pin else { return }
            // While it is still held, so that nobody is given anything in between.
            if let taken, info.floor < taken { try await reset(to: taken + 1) } else { try await reset() }
            try await unpin()
        } catch {}
    }

    private struct Unpinned: Decodable, Sendable {}

    private func unpin() async throws(ConnectionFailure) {
        let _: Unpinned = try await connection.api(
            "CONSUMER.UNPIN.\(stream).\(name)", "{\"group\":\"\(Self.group)\"}", timeout: requestTimeout)
    }

    /// Acknowledges all up to a message, and waits until the server has noted it.
    func acknowledge(_ reply: String) async throws(ConnectionFailure) {
        _ = try await connection.request(
            [OutgoingMessage(subject: reply, body: Array("+ACK".utf8))], timeout: requestTimeout
        ) { _ in .success(true) }
    }

    /// What a failure that may pass really is: an error when the consumer or its stream is gone.
    func check(after failure: ConnectionFailure) async throws(JetStreamBusError) {
        switch failure {
        case .cancelled, .closed: throw .stopped
        default: break
        }
        var lastCode = 0
        // A server that has just started may not know of it yet.
        for _ in 1...3 {
            do throws(ConnectionFailure) {
                _ = try await info()
                return
            } catch {
                guard case .refused(let code, _) = error, code == 10014 || code == 10059 else { return }
                lastCode = code
            }
            do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
        }
        if lastCode == 10059 { throw .streamMissing(name: stream) }
        throw .consumerMissing(name: name, stream: stream)
    }

    // MARK: Pulling

    enum PullEnd: Sendable, Equatable {
        /// As many messages as were asked for came.
        case filled
        /// The request's time is over.
        case expired
        /// Another member holds the lane, or none.
        case notPinned
        /// The server ended it: a change of leaders, a shutdown.
        case interrupted(String)
    }

    /// Asks for messages.
    ///
    /// - Parameters:
    ///   - pin: What the member that holds the lane was given; nil to wait for one's turn.
    ///   - take: Called with each message on libnats' thread.
    func pull(
        pin: String?, count: Int, bytes: Int?, expires: Duration,
        take: @escaping @Sendable (borrowing IncomingMessage) -> Void
    ) async throws(ConnectionFailure) -> PullEnd {
        let heartbeat = expires * 2 / 5
        var json =
            "{\"batch\":\(count),\"expires\":\(expires.wholeNanoseconds),\"group\":\"\(Self.group)\","
            + "\"idle_heartbeat\":\(heartbeat.wholeNanoseconds)"
        if let pin { json += ",\"id\":\"\(pin)\"" }
        if let bytes { json += ",\"max_bytes\":\(bytes)" }
        json += "}"
        let state = Mutex((came: 0, sent: count))
        return try await connection.requestMany(
            [OutgoingMessage(subject: "$JS.API.CONSUMER.MSG.NEXT.\(stream).\(name)", body: Array(json.utf8))],
            by: inbox, timeout: heartbeat * 2 + .seconds(1)
        ) { message in
            if message.reply?.hasPrefix("$JS.ACK.") == true {
                take(message)
                let isFilled = state.withLock { state in
                    state.came += 1
                    return state.came >= state.sent
                }
                return isFilled ? .success(.filled) : nil
            }
            switch message.status {
            case 100?: return nil
            case 409? where message.header("Description") == "Batch Completed":
                // Messages of a replicated consumer wait until most servers noted that they are sent, and this word of theirs
                // does not: it says how many come, and nothing of those that came.
                let unsent = message.header("Nats-Pending-Messages").flatMap { Int($0) } ?? 0
                let isFilled = state.withLock { state in
                    state.sent = count - unsent
                    return state.came >= state.sent
                }
                return isFilled ? .success(.filled) : nil
            case 404?, 408?: return .success(.expired)
            case 423?: return .success(.notPinned)
            case let status?:
                return .success(.interrupted("\(status) \(message.header("Description") ?? "without a reason")"))
            case nil: return .failure(.unreadable("a message without an acknowledgement's subject"))
            }
        }
    }
}
#endif
