#if JetStream
import DaybookCore

/// How far a log was imported from another store.
///
/// What is recorded behind it is not earlier than the last imported event, whatever the leader's clock says: as for a clock that
/// was set back, the time stands still until the clock has passed it.
struct ImportEnd: Sendable {
    /// The sequence of the last imported event; 0 for none.
    var sequence: Int64 = 0
    /// When another store recorded that.
    var time = Timestamp(microseconds: .min)

    mutating func raise(to other: ImportEnd) { if other.sequence > sequence { self = other } }

    func recordedTime(_ time: Timestamp, at sequence: Int64) -> Timestamp {
        sequence > self.sequence ? max(time, self.time) : time
    }
}

extension ImportEnd {
    init(_ message: StoredMessage) throws(RecordReader.Damage) {
        var reader = RecordReader(message.body)
        let place = try LogRecord.place(&reader)
        guard place.kind == .imported else { throw RecordReader.Damage() }
        sequence = message.sequence + place.remaining
        time = Timestamp(microseconds: Int64(bitPattern: try reader.fixed()))
    }
}
#endif
