#if JetStream
import Daybook

extension JetStreamTarget {
    public struct Configuration: Sendable {
        public var servers: JetStreamServers
        /// The JetStream stream that keeps the events. It must take all subjects that begin with the prefix.
        public var stream: String
        public var subjects: JetStreamSubjects
        public var form: JetStreamForm
        /// How the stream is made when it is missing; nil: a missing one is a failure, tried again until somebody makes it.
        public var creation: JetStreamStreamSettings?
        /// How many events go in one atomic batch, at most: 1 to 1000, or what the servers are set to. 1 when the stream does
        /// not allow batches.
        public var batch: Int
        /// How many batches, or single events, of one call are under way at once.
        public var underWay: Int
        /// How long one request waits for its answer before it is looked up what became of it.
        public var requestTimeout: Duration
        /// How long a call goes on trying while there is no leader or no connection, before it answers that the events are to
        /// be sent again.
        public var patience: Duration
        /// Told what goes wrong meanwhile; return soon.
        public var report: @Sendable (JetStreamBusError) -> Void

        public init(
            servers: JetStreamServers, stream: String, subjects: JetStreamSubjects, form: JetStreamForm = .binary,
            creation: JetStreamStreamSettings? = nil, batch: Int = 250, underWay: Int = 8,
            requestTimeout: Duration = .seconds(5), patience: Duration = .seconds(15),
            report: @escaping @Sendable (JetStreamBusError) -> Void = { _ in }
        ) {
            self.servers = servers
            self.stream = stream
            self.subjects = subjects
            self.form = form
            self.creation = creation
            self.batch = batch
            self.underWay = underWay
            self.requestTimeout = requestTimeout
            self.patience = patience
            self.report = report
        }
    }
}

extension JetStreamTarget.Configuration {
    func check() throws(JetStreamBusError) {
        try JetStreamBusError.checkName(stream, of: "stream")
        guard batch >= 1, underWay >= 1 else {
            throw .unusableSettings(reason: "A batch has at least one event, and one is under way at least.")
        }
    }
}

extension JetStreamBusError {
    /// Whether a stream, a group or a consumer may be called so.
    static func checkName(_ name: String, of thing: String) throws(JetStreamBusError) {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "."), UInt8(ascii: "*"), UInt8(ascii: ">"), UInt8(ascii: "/"), UInt8(ascii: "\\"),
                UInt8(ascii: "\""):
                false
            default: byte > 0x20 && byte < 0x7F
            }
        }
        guard isPlain, (1...200).contains(name.utf8.count) else {
            throw .unusableSettings(
                reason: "The \(thing) name '\(name)' is not usable: use 1 to 200 letters, digits, '-' or '_'.")
        }
    }
}
#endif
