#if JetStream
extension JetStreamSource {
    /// Where a group begins that was never there.
    public enum Start: Sendable, Equatable {
        /// At the oldest event of the stream.
        case earliest
        /// Behind the newest event: what was published before is never given.
        case latest
        /// Nowhere: the source ends with ``JetStreamBusError/consumerMissing(name:stream:)``. For a group that has begun. It ends
        /// too, with ``JetStreamBusError/messagesMissing(lane:from:through:)``, when the stream's limits removed messages that it
        /// may not have been given; with the other starts that is reported.
        case committed
    }

    /// What is given, and in how many lanes.
    public enum Subjects: Sendable, Equatable {
        /// A lane for each partition of what a ``JetStreamTarget`` published.
        case partitions(JetStreamSubjects)
        /// One lane for all that matches, with or without wildcards: one member at a time is given events.
        case filters([String])
    }

    public struct Configuration: Sendable {
        public var servers: JetStreamServers
        /// The JetStream stream.
        public var stream: String
        /// Names the durable consumers; members share the lanes, and the consumers say where the group goes on.
        public var group: String
        public var subjects: Subjects
        public var start: Start
        /// How many events a batch has at most. Twice as many are fetched ahead, in each lane.
        public var batch: Int
        /// After how long a member that is silent loses its lanes to others; at least a second. That of the member which made the
        /// consumers counts.
        public var takeOver: Duration
        /// How long to wait before a batch that was not taken is given again: first, and at most. It doubles in between.
        public var retries: ClosedRange<Duration>
        /// How long one request waits for its answer before it is sent again.
        public var requestTimeout: Duration
        /// Told what goes wrong meanwhile; return soon.
        public var report: @Sendable (JetStreamBusError) -> Void
        /// How often it is looked whether all is well: what was taken was noted, nothing was removed unseen.
        var lookEvery: Duration = .seconds(5)
        /// How often the place of a lane without events is moved on.
        var moveEvery: Duration = .seconds(60)

        public init(
            servers: JetStreamServers, stream: String, group: String, subjects: JetStreamSubjects,
            startingAt start: Start = .earliest, batch: Int = 256, takeOver: Duration = .seconds(10),
            retries: ClosedRange<Duration> = .milliseconds(100)...(.seconds(30)),
            requestTimeout: Duration = .seconds(5),
            report: @escaping @Sendable (JetStreamBusError) -> Void = { _ in }
        ) {
            self.init(
                servers: servers, stream: stream, group: group, .partitions(subjects), start, batch, takeOver, retries,
                requestTimeout, report)
        }

        /// All that matches comes in one lane.
        public init(
            servers: JetStreamServers, stream: String, group: String, filters: [String],
            startingAt start: Start = .earliest, batch: Int = 256, takeOver: Duration = .seconds(10),
            retries: ClosedRange<Duration> = .milliseconds(100)...(.seconds(30)),
            requestTimeout: Duration = .seconds(5),
            report: @escaping @Sendable (JetStreamBusError) -> Void = { _ in }
        ) {
            self.init(
                servers: servers, stream: stream, group: group, .filters(filters), start, batch, takeOver, retries,
                requestTimeout, report)
        }

        private init(
            servers: JetStreamServers, stream: String, group: String, _ subjects: Subjects, _ start: Start,
            _ batch: Int,
            _ takeOver: Duration, _ retries: ClosedRange<Duration>, _ requestTimeout: Duration,
            _ report: @escaping @Sendable (JetStreamBusError) -> Void
        ) {
            self.servers = servers
            self.stream = stream
            self.group = group
            self.subjects = subjects
            self.start = start
            self.batch = batch
            self.takeOver = takeOver
            self.retries = retries
            self.requestTimeout = requestTimeout
            self.report = report
        }
    }
}

extension JetStreamSource.Configuration {
    func check() throws(JetStreamBusError) {
        try JetStreamBusError.checkName(stream, of: "stream")
        try JetStreamBusError.checkName(group, of: "group")
        guard (1...10_000).contains(batch) else {
            throw .unusableSettings(reason: "A batch has 1 to 10,000 events, not \(batch).")
        }
        guard takeOver >= .seconds(1) else {
            throw .unusableSettings(
                reason: "Members are replaced after a second of silence at least, not after \(takeOver).")
        }
        if case .filters(let filters) = subjects, filters.isEmpty {
            throw .unusableSettings(reason: "No subjects were given.")
        }
    }

    /// Of each lane: its name, its consumer, the subjects that come in it.
    var lanes: [(name: String, consumer: String, filters: [String])] {
        switch subjects {
        case .partitions(let subjects):
            (0..<subjects.partitions).map { partition in
                let token = LogSubjects.token(partition: UInt64(partition))
                return ("\(stream)/\(token)", "\(group)-\(token)", [subjects.filter(of: partition)])
            }
        case .filters(let filters): [("\(stream)/\(group)", group, filters)]
        }
    }

    /// Noted with each consumer, so that members which share out the events in other ways do not mix.
    var sharing: String {
        switch subjects {
        case .partitions(let subjects): "\(subjects.partitions) partitions of \(subjects.prefix)"
        case .filters: "one lane"
        }
    }
}
#endif
