#if Server
import DaybookCore

/// How much of an append has come. What goes over a limit is refused as soon as it does, so that no more of it is kept.
struct AppendSize {
    private var events = 0
    private var bytes = 0

    mutating func add(_ event: NewEvent, to stream: String) throws(RPCStatus) {
        let size = event.data.count + event.metadata.count
        guard size <= Limits.eventBytes else {
            throw .recordTooLarge(
                stream: stream, id: event.id.description, bytes: size, limit: Limits.eventBytes)
        }
        events += 1
        guard events <= Limits.eventsPerAppend else {
            throw .badRequest("An append has at most \(Limits.eventsPerAppend) records: split it.")
        }
        bytes += size
        guard bytes <= Limits.appendBytes else { throw .transactionTooLarge(bytes: bytes, limit: Limits.appendBytes) }
    }
}
#endif
