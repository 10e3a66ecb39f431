import Daybook
import DaybookCore

extension PositionLimit {
    /// Where commands are recorded, when they are: those of all owners in one stream.
    public static let records = StreamName(unchecked: category.commands.rawValue)

    /// Reads recorded commands with another limit than that under which they were given: it is part of a reservation, so
    /// that the rule itself is the same.
    public struct RecordReader: EventReader {
        private let base = JSONEventCodec<CommandRecord<Command>>()
        private let limit: Quantity

        public init(under limit: Quantity) { self.limit = limit }

        public func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [CommandRecord<Command>] {
            try base.decode(event).map { record in
                switch record {
                case .carriedOut(let command, let after, let events):
                    .carriedOut(command: limited(command), after: after, events: events)
                case .rejected(let command, let after, let reason):
                    .rejected(command: limited(command), after: after, reason: reason)
                }
            }
        }

        private func limited(_ command: Command) -> Command {
            switch command {
            case .reserve(let quantity, let instrument, let order, let account, _):
                .reserve(quantity, of: instrument, for: order, on: account, limit: limit)
            case .release: command
            }
        }
    }

    /// Decides the recorded commands of all owners again, under another limit.
    public static func replay(under limit: Quantity, in log: any EventStore) -> BoundaryDecisionReplay<PositionLimit> {
        BoundaryDecisionReplay(
            PositionLimit.self, recordedIn: records, from: log, commands: RecordReader(under: limit))
    }
}
